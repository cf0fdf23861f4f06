// Operators' tokens, and that of a local gateway: a file that only its owner can read, which is what the CLI authenticates
// with unless it is told another.

import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { replaceFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";

export interface OperatorFile {
  readonly url: string;
  readonly token: string;
  readonly operator: string;
}

/** What whoever has the file is called. */
export const fileOperator = "owner@localhost";

/** 256 random bits, with a prefix that tells it from an API key. */
export function newOperatorToken(): string {
  return `pco_${randomBytes(32).toString("base64url")}`;
}

/** SHA-256, hex. Nothing slower is needed for a token that nobody could guess. */
export function hashOperatorToken(token: string): string {
  return hash("sha256", token, "hex");
}

/**
 * Makes a new token, and writes down where the gateway listens now. Each start makes one, so that the token in a copy of
 * the data folder ends with the run of the gateway that it was copied from.
 */
export async function writeOperatorFile(dataFolder: string, url: string): Promise<OperatorFile> {
  const file: OperatorFile = { url, token: newOperatorToken(), operator: fileOperator };
  await replaceFile(join(dataFolder, "operator.json"), `${JSON.stringify(file, null, 2)}\n`, 0o600);
  return file;
}

/** Throws `OperatorError` when others can read the file, or it is not one. */
export function readOperatorFile(path: string): OperatorFile {
  const text = readOwnFile(path);
  const file = parsed(text);
  if (file !== null) return file;
  throw new OperatorError(
    `\`${path}\` is not an operator file; start the gateway again, which writes it anew`,
  );
}

/** The operator file of the gateway in `folder`, or of the nearest folder above it. */
export function findOperatorFile(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, "data", "operator.json");
    if (existsSync(path)) return path;
    if (at === dirname(at)) return null;
  }
}

/** Constant in time whatever is presented. */
export function isOperatorToken(file: OperatorFile, presented: string): boolean {
  return timingSafeEqual(hash("sha256", file.token, "buffer"), hash("sha256", presented, "buffer"));
}

/** The check is made on the open file, so it is about the very bytes that are read. */
function readOwnFile(path: string): string {
  const file = openSync(path, "r");
  try {
    if ((fstatSync(file).mode & 0o077) !== 0) {
      throw new OperatorError(
        `\`${path}\` can be read by others; run \`chmod 600 ${path}\`, and start the gateway again if anybody may have read it`,
      );
    }
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** Null for what is none. Faults of JSON.parse are not passed on: they quote the text, which may hold the token. */
function parsed(text: string): OperatorFile | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("url" in value) || !("token" in value)) return null;
  const { url, token } = value;
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  // An empty token, or one that cannot stand in a header, authenticates nobody.
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) return null;
  return { url, token, operator: fileOperator };
}
