// What is sent to a witness: a checkpoint, and the proof that it goes on from the one that the witness signed before
// (c2sp.org/tlog-witness, `add-checkpoint`).

import { fail, ok, type Result } from "../result.ts";
import { hashBytes } from "./merkle-tree.ts";

export interface WitnessRequest {
  /** Of the latest checkpoint that the witness cosigned; 0 for none. */
  readonly oldSize: number;
  /** RFC 6962 §2.1.2. Empty where `oldSize` is 0 or the checkpoint's own. */
  readonly proof: readonly Uint8Array[];
  /** The checkpoint, as its signed note. */
  readonly note: string;
}

const maxProofLines = 63;

/** What a 409 answers with: a size on a line. */
export const sizeContentType = "text/x.tlog.size";

export function encodeWitnessRequest({ oldSize, proof, note }: WitnessRequest): string {
  const lines = proof.map((hash) => `${Buffer.from(hash).toString("base64")}\n`);
  return `old ${oldSize}\n${lines.join("")}\n${note}`;
}

/** The failure is in words. The note is not looked into. */
export function parseWitnessRequest(body: string): Result<WitnessRequest, string> {
  const end = body.indexOf("\n\n");
  if (end === -1) return fail("there is no empty line before the checkpoint");
  const [first = "", ...lines] = body.slice(0, end).split("\n");
  const oldSize = first.startsWith("old ") ? parseSize(first.slice("old ".length)) : null;
  if (oldSize === null) return fail("the first line is not `old` and a size");
  if (lines.length > maxProofLines) return fail(`there are more than ${maxProofLines} proof lines`);
  const proof: Uint8Array[] = [];
  for (const line of lines) {
    const hash = Buffer.from(line, "base64");
    if (hash.length !== hashBytes || hash.toString("base64") !== line)
      return fail("a proof line is no hash in base64");
    proof.push(hash);
  }
  return ok({ oldSize, proof, note: body.slice(end + 2) });
}

/** The size in the body of a 409; null when it is none. */
export function parseSizeLine(body: string): number | null {
  return body.endsWith("\n") ? parseSize(body.slice(0, -1)) : null;
}

function parseSize(text: string): number | null {
  const size = Number(text);
  return /^(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(size) ? size : null;
}
