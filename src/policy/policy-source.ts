// Reading the policy folder: a bounded, stable snapshot of its .cedar files.

import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fail, ok, type Result } from "../core/result.ts";
import { type PolicyProblem, problemAt } from "./problem.ts";

export interface PolicyFile {
  /** Relative to the folder, with `/`. */
  readonly name: string;
  readonly text: string;
}

const maxFiles = 2000;
const maxBytes = 16 * 1024 * 1024;

/** The folder's .cedar files, sorted by name. Links are refused: what is loaded lies in the folder. */
export async function readPolicyFolder(
  folder: string,
): Promise<Result<readonly PolicyFile[], readonly PolicyProblem[]>> {
  const files: PolicyFile[] = [];
  let bytes = 0;
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(folder, path).replaceAll("\\", "/");
      if (!name.endsWith(".cedar")) continue;
      if (!(await lstat(path)).isFile()) return refused(name, "it is not a plain file, so it is not loaded");
      const text = await readFile(path);
      bytes += text.length;
      if (files.length >= maxFiles || bytes > maxBytes) {
        return refused(".", `the folder holds more than ${maxFiles} policy files or ${maxBytes} bytes`);
      }
      files.push({ name, text: text.toString("utf8") });
    }
  } catch (fault) {
    return refused(".", `the policy folder \`${folder}\` cannot be read: ${messageOf(fault)}`);
  }
  if (files.length === 0) {
    return refused(
      ".",
      `the policy folder \`${folder}\` has no .cedar file; \`portcullis init\` writes starter policies`,
    );
  }
  return ok(files.sort((one, other) => (one.name < other.name ? -1 : 1)));
}

function refused(file: string, message: string) {
  return fail<readonly PolicyProblem[]>([problemAt(file, "", null, message)]);
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
