// The operator's token of a local gateway: a file that only its owner can read, which is what the CLI authenticates with.

import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { replaceFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";

export interface OperatorFile {
  readonly url: string;
  readonly token: string;
  readonly operator: string;
}

const operator = "owner@localhost";

/** Keeps the token that is there, makes one on first start, and writes down where the gateway listens now. */
export async function writeOperatorFile(dataFolder: string, url: string): Promise<OperatorFile> {
  const path = join(dataFolder, "operator.json");
  const token = existsSync(path)
    ? readOperatorFile(path).token
    : `pco_${randomBytes(32).toString("base64url")}`;
  const file: OperatorFile = { url, token, operator };
  await replaceFile(path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
  return file;
}

export function readOperatorFile(path: string): OperatorFile {
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new OperatorError(`\`${path}\` can be read by others; run \`chmod 600 ${path}\``);
  }
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof value === "object" && value !== null && "url" in value && "token" in value) {
    const { url, token } = value;
    if (typeof url === "string" && typeof token === "string") return { url, token, operator };
  }
  throw new OperatorError(`\`${path}\` is not an operator file; delete it and start the gateway again`);
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
