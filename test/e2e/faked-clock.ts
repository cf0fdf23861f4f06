// A clock that a test sets under a running gateway, by libfaketime. Timers go on as they would.

import { globSync, writeFileSync } from "node:fs";
import { without } from "./needs.ts";

const [library = ""] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");

export const withoutFaketime = without(
  library !== "",
  "there is no libfaketime here: `apt-get install libfaketime` brings it",
);

export interface FakedClock {
  /** For the process whose clock it is. */
  readonly environment: Readonly<Record<string, string>>;
  /** `+1d`, `-1h`: from now on the clock is by that much not the machine's. */
  readonly jump: (offset: string) => void;
}

/** `file` says where the clock stands. */
export function fakedClock(file: string): FakedClock {
  const jump = (offset: string): void => writeFileSync(file, offset);
  jump("+0");
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    jump,
  };
}
