// Where the tests of a policy folder are: files beside the policies whose name ends in `.test.yaml`.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../../core/result.ts";

export const testFileEnding = ".test.yaml";

/** More would be a folder that was not meant. */
const maxEntries = 20_000;

/** Their names relative to the folder, sorted. Folders and files that begin with `.` are left out. A failure is text for people. */
export async function findTestFiles(folder: string): Promise<Result<readonly string[], string>> {
  let names: readonly string[];
  try {
    names = await readdir(folder, { recursive: true });
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    return fail(
      `the policy folder \`${folder}\` cannot be read (${code}); check \`policies.path\` and its permissions`,
    );
  }
  if (names.length > maxEntries) {
    return fail(
      `\`${folder}\` holds more than ${maxEntries} files and folders; keep what is not policy outside of it`,
    );
  }
  const shown = names.map((name) => name.replaceAll("\\", "/")).filter((name) => !/(?:^|\/)\./.test(name));
  const misnamed = shown.find((name) => name.endsWith(".test.yml"));
  if (misnamed !== undefined) {
    return fail(
      `\`${join(folder, misnamed)}\` would not be run; name it \`${misnamed.replace(/yml$/, "yaml")}\``,
    );
  }
  const found = shown.filter((name) => name.endsWith(testFileEnding)).sort();
  if (found.length > 0) return ok(found);
  return fail(
    `there is no test in \`${folder}\`; write one in a file that ends in \`${testFileEnding}\` beside the policies`,
  );
}

const maxBytes = 4 * 1024 * 1024;

/** The text, or in words why it cannot be had. */
export async function readTestFile(path: string): Promise<Result<string, string>> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > maxBytes) return fail("the file is larger than 4 MiB; cut it into several");
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (fault) {
    if (fault instanceof TypeError) return fail("the file is not UTF-8; save it as UTF-8");
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    return fail(`the file cannot be read (${code}); check its permissions`);
  }
}
