// C2SP signed notes (c2sp.org/signed-note) with Ed25519 keys, readable and writable by golang.org/x/mod/sumdb/note.

import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { fail, ok, type Result } from "../result.ts";

/** Of those that the specification assigns: Ed25519 over a note's text, and Ed25519 cosignatures with a time (`cosignature.ts`). */
export type SignatureType = 0x01 | 0x04;

/** A public key, with what its signatures are. */
export interface VerifierKey<Type extends SignatureType> {
  readonly type: Type;
  readonly name: string;
  /** First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), big-endian. */
  readonly keyId: number;
  /** `name+keyid+base64(type ‖ public key)`. */
  readonly vkey: string;
  readonly publicKey: KeyObject;
}

export interface SignerKey<Type extends SignatureType> extends VerifierKey<Type> {
  readonly privateKey: KeyObject;
}

/** Whose signatures are believed. */
export type NoteVerifier = VerifierKey<0x01>;
export type NoteSigner = SignerKey<0x01>;

export type NoteFailure =
  | { readonly reason: "malformed_note"; readonly detail: string }
  | { readonly reason: "invalid_signature"; readonly name: string; readonly keyId: number }
  | { readonly reason: "not_signed"; readonly by: readonly string[] };

export interface OpenedNote {
  /** What is signed, with its final newline. */
  readonly text: string;
  /** Names of the verifiers whose signature holds, in the order of their lines. */
  readonly signedBy: readonly string[];
}

const ed25519Type = 0x01;
export const cosignatureType = 0x04;
const keyBytes = 32;
const maxNoteLength = 1_000_000;
const maxSignatures = 100;
const signerPrefix = "PRIVATE+KEY+";

// The fixed DER headers of an Ed25519 key (RFC 8410 §7 and §4).
const pkcs8Header = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiHeader = Buffer.from("302a300506032b6570032100", "hex");

/** A signer from 32 secret random bytes. Throws `TypeError` on a name that a note cannot hold. */
export function noteSigner(name: string, seed: Uint8Array): NoteSigner {
  return signerKey(ed25519Type, name, seed);
}

/** As `noteSigner`, for signatures of that type. */
export function signerKey<Type extends SignatureType>(
  type: Type,
  name: string,
  seed: Uint8Array,
): SignerKey<Type> {
  if (!isKeyName(name)) throw new TypeError(`not a key name: \`${name}\``);
  if (seed.length !== keyBytes) throw new TypeError(`a seed has ${keyBytes} bytes`);
  const key = Buffer.concat([pkcs8Header, seed]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const rawPublicKey = publicKey.export({ format: "der", type: "spki" }).subarray(spkiHeader.length);
  return { ...verifierKey(type, name, rawPublicKey, publicKey), privateKey };
}

/** `PRIVATE+KEY+name+keyid+base64(type ‖ seed)`: a secret. */
export function formatSignerKey(name: string, seed: Uint8Array, type: SignatureType = ed25519Type): string {
  const { keyId } = signerKey(type, name, seed);
  return `${signerPrefix}${name}+${hexKeyId(keyId)}+${typedBase64(type, seed)}`;
}

/** Reads what `formatSignerKey` or Go's `note.GenerateKey` wrote. The failure never holds the key. */
export function parseSignerKey(text: string): Result<NoteSigner, string> {
  return parseSigner(ed25519Type, text);
}

export function parseSigner<Type extends SignatureType>(
  type: Type,
  text: string,
): Result<SignerKey<Type>, string> {
  if (!text.startsWith(signerPrefix)) return fail(`it does not start with ${signerPrefix}`);
  const parts = parseKey(type, text.slice(signerPrefix.length));
  if (!parts.ok) return parts;
  const signer = signerKey(type, parts.value.name, parts.value.key);
  return signer.keyId === parts.value.keyId ? ok(signer) : fail("its key id does not match its key");
}

export function parseVerifierKey(text: string): Result<NoteVerifier, string> {
  return parseVerifier(ed25519Type, text);
}

export function parseVerifier<Type extends SignatureType>(
  type: Type,
  text: string,
): Result<VerifierKey<Type>, string> {
  const parts = parseKey(type, text);
  if (!parts.ok) return parts;
  const { name, keyId, key } = parts.value;
  const der = Buffer.concat([spkiHeader, key]);
  const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
  const verifier = verifierKey(type, name, key, publicKey);
  return verifier.keyId === keyId ? ok(verifier) : fail("its key id does not match its key");
}

/** The note: text, blank line, one signature line for each signer. Throws `TypeError` on a text that a note cannot hold. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  const unfit = unfitText(text);
  if (unfit !== null) throw new TypeError(`cannot be signed as a note: ${unfit}`);
  if (!text.endsWith("\n")) throw new TypeError("cannot be signed as a note: it does not end in a newline");
  const lines = signers.map((signer) =>
    signatureLine(signer, sign(null, Buffer.from(text), signer.privateKey)),
  );
  return `${text}\n${lines.join("")}`;
}

/** `— name base64(key id ‖ signature)`, with its newline. */
export function signatureLine(
  { name, keyId }: Pick<VerifierKey<SignatureType>, "name" | "keyId">,
  signature: Uint8Array,
): string {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(keyId);
  return `— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
}

/**
 * Opens a note that at least one of the verifiers signed. Signatures by others are ignored; one wrong signature by a
 * known key fails the whole note, as the specification advises.
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): Result<OpenedNote, NoteFailure> {
  const parsed = parseNote(note);
  if (!parsed.ok) return parsed;
  const signed = verifiedSignatures(parsed.value, verifiers);
  if (!signed.ok) return signed;
  return ok({ text: parsed.value.text, signedBy: signed.value.map(({ name }) => name) });
}

/** Those of a parsed note that are by the verifiers, one each; at least one, and none that is wrong. */
export function verifiedSignatures(
  { text, signatures }: ParsedNote,
  verifiers: readonly NoteVerifier[],
): Result<readonly NoteSignature[], NoteFailure> {
  const verified = new Map<NoteVerifier, NoteSignature>();
  for (const signature of signatures) {
    const { name, keyId } = signature;
    const verifier = verifiers.find((candidate) => candidate.name === name && candidate.keyId === keyId);
    if (verifier === undefined || verified.has(verifier)) continue;
    if (!verify(null, Buffer.from(text), verifier.publicKey, signature.signature)) {
      return fail({ reason: "invalid_signature", name, keyId });
    }
    verified.set(verifier, signature);
  }
  if (verified.size === 0)
    return fail({ reason: "not_signed", by: verifiers.map((verifier) => verifier.vkey) });
  return ok([...verified.values()]);
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Buffer;
  /** As it stands in the note, without its newline. */
  readonly line: string;
}

/** A note as it is written: nobody's signature on it was checked. */
export interface ParsedNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export function parseNote(note: string): Result<ParsedNote, NoteFailure> {
  const unfit = unfitText(note);
  if (unfit !== null) return malformed(unfit);
  const blank = note.lastIndexOf("\n\n");
  if (blank === -1) return malformed("no blank line before the signatures");
  if (!note.endsWith("\n")) return malformed("it does not end in a newline");
  const lines = note.slice(blank + 2, -1).split("\n");
  if (lines.length > maxSignatures) return malformed(`more than ${maxSignatures} signatures`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return malformed("a line after the blank line is no signature");
    signatures.push(signature);
  }
  return ok({ text: note.slice(0, blank + 1), signatures });
}

function parseSignatureLine(line: string): NoteSignature | null {
  const [dash, name, base64, ...more] = line.split(" ");
  if (dash !== "—" || name === undefined || base64 === undefined || more.length > 0 || !isKeyName(name))
    return null;
  const bytes = strictBase64(base64);
  if (bytes === null || bytes.length < 5) return null;
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(4), line };
}

function malformed(detail: string): { readonly ok: false; readonly failure: NoteFailure } {
  return fail({ reason: "malformed_note", detail });
}

/** Why the text can be no part of a note, or null. */
function unfitText(text: string): string | null {
  if (text.length > maxNoteLength) return `longer than ${maxNoteLength} characters`;
  if (!text.isWellFormed() || text.includes("\ufffd")) return "not valid UTF-8";
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 && unit !== 0x0a) return "a control character";
  }
  return null;
}

interface ParsedKey {
  readonly name: string;
  readonly keyId: number;
  readonly key: Buffer;
}

// The base64 part may hold plus signs itself, so only the first two count.
function parseKey(type: SignatureType, text: string): Result<ParsedKey, string> {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(text);
  const [, name, keyId, base64] = match ?? [];
  if (name === undefined || keyId === undefined || base64 === undefined || !isKeyName(name)) {
    return fail("it is not of the form name+keyid+key");
  }
  const typed = strictBase64(base64);
  if (typed === null) return fail("its key is not base64");
  if (typed[0] !== type) {
    const kind = type === ed25519Type ? "an Ed25519 key" : "a witness's Ed25519 key";
    return fail(`its key is not ${kind} (type 0x0${type})`);
  }
  if (typed.length !== 1 + keyBytes) return fail(`its key has not ${keyBytes} bytes`);
  return ok({ name, keyId: Number.parseInt(keyId, 16), key: typed.subarray(1) });
}

function verifierKey<Type extends SignatureType>(
  type: Type,
  name: string,
  rawPublicKey: Uint8Array,
  publicKey: KeyObject,
): VerifierKey<Type> {
  const typed = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([type]), rawPublicKey]);
  const keyId = hash("sha256", typed, "buffer").readUInt32BE(0);
  const vkey = `${name}+${hexKeyId(keyId)}+${typedBase64(type, rawPublicKey)}`;
  return { type, name, keyId, vkey, publicKey };
}

function hexKeyId(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}

function typedBase64(type: SignatureType, key: Uint8Array): string {
  return Buffer.concat([Buffer.from([type]), key]).toString("base64");
}

/** Node decodes leniently; a note has one spelling only. */
export function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}

// Unicode White_Space, as Go's unicode.IsSpace has it, which \s is not exactly.
const spaceOrPlus = /[\s\u0085+]/u;

function isKeyName(name: string): boolean {
  return name !== "" && name.isWellFormed() && !spaceOrPlus.test(name) && unfitText(name) === null;
}
