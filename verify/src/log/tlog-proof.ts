// Proofs that stand by themselves (c2sp.org/tlog-proof): that the tree of a signed checkpoint has a leaf at some index.
// They say nothing of what the leaf is; whoever checks one has it from elsewhere.

import { fail, ok, type Result } from "../result.ts";
import { hashBytes } from "./merkle-tree.ts";
import { strictBase64 } from "./signed-note.ts";

export interface TlogProof {
  /** Whatever the application keeps with it, vouched for by nothing; null when there is none. */
  readonly extra: Uint8Array | null;
  readonly index: number;
  /** From the leaf's sibling up (RFC 6962 §2.1.1). */
  readonly path: readonly Uint8Array[];
  /** The signed note, byte for byte as the log gave it out. */
  readonly checkpoint: string;
}

const firstLine = "c2sp.org/tlog-proof@v1";
/** No tree whose leaves are counted in 64 bits is higher. */
const maxPath = 64;
const maxExtraBytes = 1024 * 1024;
const maxLength = 4 * 1024 * 1024;

/** Throws `RangeError` on what no proof can hold. */
export function formatTlogProof({ extra, index, path, checkpoint }: TlogProof): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`no leaf has the index ${index}`);
  if (path.length > maxPath || path.some(({ length }) => length !== hashBytes))
    throw new RangeError("this is no path of hashes");
  if (extra !== null && (extra.length === 0 || extra.length > maxExtraBytes))
    throw new RangeError(`extra data has 1 to ${maxExtraBytes} bytes`);
  const lines = [
    firstLine,
    ...(extra === null ? [] : [`extra ${base64(extra)}`]),
    `index ${index}`,
    ...path.map(base64),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/**
 * The proof in this text, or in words why it is none. Nothing of it is verified yet: the checkpoint may be no signed note,
 * and the path may lead nowhere.
 */
export function parseTlogProof(text: string): Result<TlogProof, string> {
  if (text.length > maxLength) return fail(`it is longer than ${maxLength} characters`);
  // No line above it is empty, so the first empty line ends them.
  const end = text.indexOf("\n\n");
  if (end === -1) return fail("it has no empty line before its checkpoint");
  const [first, ...lines] = text.slice(0, end).split("\n");
  if (first !== firstLine) return fail(`its first line is not \`${firstLine}\``);
  const extra = parseExtra(lines);
  if (!extra.ok) return extra;
  const indexLine = extra.value === null ? lines[0] : lines[1];
  const [, digits] = /^index (0|[1-9][0-9]{0,15})$/.exec(indexLine ?? "") ?? [];
  const index = Number(digits);
  if (!Number.isSafeInteger(index)) return fail("it has no index where it should be");
  const path = parsePath(lines.slice(extra.value === null ? 1 : 2));
  if (!path.ok) return path;
  const checkpoint = text.slice(end + 2);
  if (checkpoint === "") return fail("it has no checkpoint");
  return ok({ extra: extra.value, index, path: path.value, checkpoint });
}

function parseExtra([line = ""]: readonly string[]): Result<Uint8Array | null, string> {
  if (!line.startsWith("extra ")) return ok(null);
  const extra = strictBase64(line.slice("extra ".length));
  if (extra === null || extra.length === 0) return fail("its extra data is not base64");
  return extra.length > maxExtraBytes
    ? fail(`its extra data has more than ${maxExtraBytes} bytes`)
    : ok(extra);
}

function parsePath(lines: readonly string[]): Result<readonly Uint8Array[], string> {
  if (lines.length > maxPath) return fail(`its path has more than ${maxPath} hashes`);
  const path: Uint8Array[] = [];
  for (const [at, line] of lines.entries()) {
    const sibling = strictBase64(line);
    if (sibling?.length !== hashBytes) return fail(`hash ${at} of its path is none`);
    path.push(sibling);
  }
  return ok(path);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
