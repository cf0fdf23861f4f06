// Cosignatures (c2sp.org/tlog-cosignature): what a witness signs to say that it saw this head of the log, that it goes on
// from every one it saw before, and when.

import { sign, verify } from "node:crypto";
import { fail, ok, type Result } from "../result.ts";
import {
  cosignatureType,
  type NoteFailure,
  type NoteSignature,
  parseNote,
  parseSigner,
  parseVerifier,
  type SignerKey,
  signatureLine,
  signerKey,
  type VerifierKey,
} from "./signed-note.ts";

/** Of a witness: `name+keyid+base64(0x04 ‖ public key)`. */
export type WitnessVerifier = VerifierKey<typeof cosignatureType>;
export type WitnessSigner = SignerKey<typeof cosignatureType>;

/** A cosignature that holds. */
export interface Cosignature {
  readonly witness: WitnessVerifier;
  /** Seconds since the epoch, by the witness's clock. */
  readonly time: number;
  /** As it stands in the note, without its newline. */
  readonly line: string;
}

export type CosignatureFailure =
  | NoteFailure
  /** The line is this witness's by name and key id, and is no cosignature of it on this note. */
  | { readonly reason: "wrong_cosignature"; readonly witness: string };

const timeBytes = 8;
const signatureBytes = 64;

/** A witness's key from 32 secret random bytes. Throws `TypeError` on a name that a note cannot hold. */
export function witnessSigner(name: string, seed: Uint8Array): WitnessSigner {
  return signerKey(cosignatureType, name, seed);
}

export function parseWitnessKey(text: string): Result<WitnessVerifier, string> {
  return parseVerifier(cosignatureType, text);
}

/** Reads what `formatSignerKey` wrote of a witness's key. The failure never holds the key. */
export function parseWitnessSigner(text: string): Result<WitnessSigner, string> {
  return parseSigner(cosignatureType, text);
}

/**
 * The line with which the witness cosigns a checkpoint, with its newline. `text` is the note's, `time` in seconds since the
 * epoch. Throws `RangeError` on a time that says nothing.
 */
export function cosign(signer: WitnessSigner, text: string, time: number): string {
  if (!Number.isSafeInteger(time) || time <= 0)
    throw new RangeError("a cosignature has a time after the epoch");
  const stamp = Buffer.alloc(timeBytes);
  stamp.writeBigUInt64BE(BigInt(time));
  const signature = sign(null, Buffer.from(cosignedMessage(text, time)), signer.privateKey);
  return signatureLine(signer, Buffer.concat([stamp, signature]));
}

/**
 * The cosignatures of these witnesses on a checkpoint, one each, in the order of their lines. Signatures of others, the
 * log's own among them, are ignored; one wrong cosignature by a known witness fails the whole note.
 */
export function cosignaturesOn(
  note: string,
  witnesses: readonly WitnessVerifier[],
): Result<readonly Cosignature[], CosignatureFailure> {
  const parsed = parseNote(note);
  if (!parsed.ok) return parsed;
  const found = new Map<WitnessVerifier, Cosignature>();
  for (const signature of parsed.value.signatures) {
    const witness = witnesses.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (witness === undefined) continue;
    const time = cosignedAt(witness, parsed.value.text, signature);
    if (time === null) return fail({ reason: "wrong_cosignature", witness: witness.name });
    if (!found.has(witness)) found.set(witness, { witness, time, line: signature.line });
  }
  return ok([...found.values()]);
}

/** Null when it is not what this witness signed. */
function cosignedAt(witness: WitnessVerifier, text: string, { signature }: NoteSignature): number | null {
  if (signature.length !== timeBytes + signatureBytes) return null;
  const time = Number(signature.readBigUInt64BE(0));
  // The specification ends at 2^63 - 1; beyond what is counted exactly the time would be another than the one signed.
  if (!Number.isSafeInteger(time) || time === 0) return null;
  const message = Buffer.from(cosignedMessage(text, time));
  return verify(null, message, witness.publicKey, signature.subarray(timeBytes)) ? time : null;
}

function cosignedMessage(text: string, time: number): string {
  return `cosignature/v1\ntime ${time}\n${text}`;
}
