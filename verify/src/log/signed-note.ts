// C2SP signed notes (c2sp.org/signed-note) with Ed25519 keys, readable and writable by golang.org/x/mod/sumdb/note.

import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { fail, ok, type Result } from "../result.ts";

/** Whose signatures are believed. */
export interface NoteVerifier {
  readonly name: string;
  /** First four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), big-endian. */
  readonly keyId: number;
  /** `name+keyid+base64(0x01 ‖ public key)`. */
  readonly vkey: string;
  readonly publicKey: KeyObject;
}

export interface NoteSigner extends NoteVerifier {
  readonly privateKey: KeyObject;
}

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
const keyBytes = 32;
const maxNoteLength = 1_000_000;
const maxSignatures = 100;
const signerPrefix = "PRIVATE+KEY+";

// The fixed DER headers of an Ed25519 key (RFC 8410 §7 and §4).
const pkcs8Header = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiHeader = Buffer.from("302a300506032b6570032100", "hex");

/** A signer from 32 secret random bytes. Throws `TypeError` on a name that a note cannot hold. */
export function noteSigner(name: string, seed: Uint8Array): NoteSigner {
  if (!isKeyName(name)) throw new TypeError(`not a key name: \`${name}\``);
  if (seed.length !== keyBytes) throw new TypeError(`a seed has ${keyBytes} bytes`);
  const key = Buffer.concat([pkcs8Header, seed]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const rawPublicKey = publicKey.export({ format: "der", type: "spki" }).subarray(spkiHeader.length);
  return { ...noteVerifier(name, rawPublicKey, publicKey), privateKey };
}

/** `PRIVATE+KEY+name+keyid+base64(0x01 ‖ seed)`: a secret. */
export function formatSignerKey(name: string, seed: Uint8Array): string {
  const { keyId } = noteSigner(name, seed);
  return `${signerPrefix}${name}+${hexKeyId(keyId)}+${typedBase64(seed)}`;
}

/** Reads what `formatSignerKey` or Go's `note.GenerateKey` wrote. The failure never holds the key. */
export function parseSignerKey(text: string): Result<NoteSigner, string> {
  if (!text.startsWith(signerPrefix)) return fail(`it does not start with ${signerPrefix}`);
  const parts = parseKey(text.slice(signerPrefix.length));
  if (!parts.ok) return parts;
  const signer = noteSigner(parts.value.name, parts.value.key);
  return signer.keyId === parts.value.keyId ? ok(signer) : fail("its key id does not match its key");
}

export function parseVerifierKey(text: string): Result<NoteVerifier, string> {
  const parts = parseKey(text);
  if (!parts.ok) return parts;
  const { name, keyId, key } = parts.value;
  const der = Buffer.concat([spkiHeader, key]);
  const verifier = noteVerifier(name, key, createPublicKey({ key: der, format: "der", type: "spki" }));
  return verifier.keyId === keyId ? ok(verifier) : fail("its key id does not match its key");
}

/** The note: text, blank line, one signature line for each signer. Throws `TypeError` on a text that a note cannot hold. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  const unfit = unfitText(text);
  if (unfit !== null) throw new TypeError(`cannot be signed as a note: ${unfit}`);
  if (!text.endsWith("\n")) throw new TypeError("cannot be signed as a note: it does not end in a newline");
  const lines = signers.map((signer) => {
    const keyId = Buffer.alloc(4);
    keyId.writeUInt32BE(signer.keyId);
    const signature = Buffer.concat([keyId, sign(null, Buffer.from(text), signer.privateKey)]);
    return `— ${signer.name} ${signature.toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/**
 * Opens a note that at least one of the verifiers signed. Signatures by others are ignored; one wrong signature by a
 * known key fails the whole note, as the specification advises.
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): Result<OpenedNote, NoteFailure> {
  const split = splitNote(note);
  if (!split.ok) return split;
  const { text, signatures } = split.value;
  const signedBy = new Set<NoteVerifier>();
  for (const { name, keyId, signature } of signatures) {
    const verifier = verifiers.find((candidate) => candidate.name === name && candidate.keyId === keyId);
    if (verifier === undefined || signedBy.has(verifier)) continue;
    if (!verify(null, Buffer.from(text), verifier.publicKey, signature)) {
      return fail({ reason: "invalid_signature", name, keyId });
    }
    signedBy.add(verifier);
  }
  if (signedBy.size === 0)
    return fail({ reason: "not_signed", by: verifiers.map((verifier) => verifier.vkey) });
  return ok({ text, signedBy: [...signedBy].map((verifier) => verifier.name) });
}

interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Buffer;
}

interface SplitNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

function splitNote(note: string): Result<SplitNote, NoteFailure> {
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
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(4) };
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
function parseKey(text: string): Result<ParsedKey, string> {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(text);
  const [, name, keyId, base64] = match ?? [];
  if (name === undefined || keyId === undefined || base64 === undefined || !isKeyName(name)) {
    return fail("it is not of the form name+keyid+key");
  }
  const typed = strictBase64(base64);
  if (typed === null) return fail("its key is not base64");
  if (typed[0] !== ed25519Type) return fail("its key is not an Ed25519 key");
  if (typed.length !== 1 + keyBytes) return fail(`its key has not ${keyBytes} bytes`);
  return ok({ name, keyId: Number.parseInt(keyId, 16), key: typed.subarray(1) });
}

function noteVerifier(name: string, rawPublicKey: Uint8Array, publicKey: KeyObject): NoteVerifier {
  const typed = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([ed25519Type]), rawPublicKey]);
  const keyId = hash("sha256", typed, "buffer").readUInt32BE(0);
  return { name, keyId, vkey: `${name}+${hexKeyId(keyId)}+${typedBase64(rawPublicKey)}`, publicKey };
}

function hexKeyId(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}

function typedBase64(key: Uint8Array): string {
  return Buffer.concat([Buffer.from([ed25519Type]), key]).toString("base64");
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
