// The way to one witness: a request at a time, bounded in time and in what is read of its answer.

import { type buildConnector, Pool } from "undici";
import { fail, ok, type Result } from "../../core/result.ts";

export interface WitnessReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Asks a witness, and says in words why it cannot be asked. */
export interface WitnessConnection {
  /** Never rejects. `body` is that of `add-checkpoint`. */
  addCheckpoint(body: string, signal: AbortSignal): Promise<Result<WitnessReply, string>>;
  close(): Promise<void>;
}

/** Some tens of the largest cosignatures that there are. */
const maxAnswerBytes = 64 * 1024;
const timeoutMs = 5_000;

/** `url` is the submission prefix. */
export function witnessConnection(url: string, connect: buildConnector.connector): WitnessConnection {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: 1, connect, allowH2: false });
  const path = `${pathname.replace(/\/+$/, "")}/add-checkpoint`;
  return {
    addCheckpoint: async (body, signal) => {
      try {
        return ok(await post(pool, path, body, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])));
      } catch (fault) {
        return fail(faultText(fault));
      }
    },
    close: () => pool.destroy(),
  };
}

async function post(pool: Pool, path: string, body: string, signal: AbortSignal): Promise<WitnessReply> {
  const answer = await pool.request({
    method: "POST",
    path,
    headers: { "content-type": "text/plain; charset=utf-8", "user-agent": "portcullis" },
    body,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // The whole of it: a witness that answers byte by byte would hold up what comes behind.
    signal,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxAnswerBytes) {
      answer.body.destroy();
      throw new Error("its answer is too large");
    }
    chunks.push(bytes);
  }
  return {
    status: answer.statusCode,
    contentType: String(answer.headers["content-type"] ?? ""),
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

function faultText(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault);
  if (fault.name === "TimeoutError" || fault.name === "AbortError")
    return `it did not answer within ${timeoutMs / 1000} s`;
  return "code" in fault ? `it cannot be reached (${String(fault.code)})` : fault.message;
}
