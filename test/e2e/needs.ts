// Programs of the system that a test cannot do without. Where one is missing the test is skipped and says how to get it; in
// CI that is a failure, because there everything has to be tried.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** For a test's `skip`: false when it can run. */
export function without(present: boolean, missing: string): string | false {
  if (present) return false;
  if (process.env["CI"] === "true") throw new Error(missing);
  return missing;
}

export function withoutCommand(command: string, how: string): string | false {
  const found = spawnSync(command, ["--help"], { stdio: "ignore" }).error === undefined;
  return without(found, `there is no \`${command}\` here: ${how}`);
}

export function withoutFile(path: string, how: string): string | false {
  return without(existsSync(path), `there is no \`${path}\` here: ${how}`);
}
