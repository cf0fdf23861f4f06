// A gateway that does nothing but append, to be killed: prints the ids of what was acknowledged, a line per append.
// Run as `node append-loop.test-support.ts <folder>`.

import { writeSync } from "node:fs";
import { entry } from "../contract/samples.ts";
import { openSqliteStorage } from "./open.ts";

const callers = 8;
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new TypeError("name the folder");

const { log } = openSqliteStorage(folder);
await log.takeOver(`inst_${process.pid}`);
await Promise.all(
  Array.from({ length: callers }, async () => {
    for (;;) {
      const pair = [entry("one", "sub_1"), entry("two")];
      const { firstIndex } = await log.append(pair);
      // Synchronous, so that nothing is printed that the parent will not see.
      writeSync(1, `${firstIndex} ${pair.map(({ id }) => id).join(" ")}\n`);
    }
  }),
);
