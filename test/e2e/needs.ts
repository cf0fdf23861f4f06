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
  return without(runs(command), `there is no \`${command}\` here: ${how}`);
}

/** For one that takes minutes to build: CI goes without it where it is not there, and says so. */
export function withoutBuiltCommand(command: string, how: string): string | false {
  return runs(command) ? false : `there is no \`${command}\` here: ${how}`;
}

function runs(command: string): boolean {
  return spawnSync(command, ["--help"], { stdio: "ignore" }).error === undefined;
}

export function withoutFile(path: string, how: string): string | false {
  return without(existsSync(path), `there is no \`${path}\` here: ${how}`);
}
