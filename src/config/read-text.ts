// The bytes of the config as text: bounded, and UTF-8 or nothing. Bytes that are replaced silently would make a config
// that nobody wrote.

import { hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { fail, ok, type Result } from "../core/result.ts";

export interface ConfigText {
  readonly text: string;
  /** SHA-256 of the file's bytes, hex: what `sha256sum` says. */
  readonly digest: string;
}

const maxBytes = 1024 * 1024;

/** Follows links: mounted configs are links. A failure is text for people. */
export async function readConfigText(file: string): Promise<Result<ConfigText, string>> {
  const bytes = await readBounded(file);
  if (!bytes.ok) return bytes;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.value);
    return ok({ text, digest: hash("sha256", bytes.value, "hex") });
  } catch {
    return fail("the file is not UTF-8; save it as UTF-8");
  }
}

/** Reads at most one byte too many: the size that the system tells is not that of devices and pipes. */
async function readBounded(file: string): Promise<Result<Buffer, string>> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(file, "r");
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length <= maxBytes) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return ok(buffer.subarray(0, length));
      length += bytesRead;
    }
    return fail("the file is larger than 1 MiB; a config that large is not meant");
  } catch (fault) {
    return fail(unreadable(fault instanceof Error && "code" in fault ? String(fault.code) : "unknown"));
  } finally {
    await handle?.close();
  }
}

function unreadable(code: string): string {
  switch (code) {
    case "ENOENT":
      return "there is no such file; `portcullis init` writes one";
    case "EISDIR":
      return "this is a folder; name the file in it, for example `portcullis.yaml`";
    case "EACCES":
    case "EPERM":
      return "the file may not be read by this user; change its owner or mode";
    default:
      return `the file cannot be read (${code}); check the path and the disk`;
  }
}
