import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { OperatorError } from "../../core/operator-error.ts";
import { assertLogHolds } from "../contract/driver.ts";
import { entries } from "../contract/samples.ts";
import { backUpDatabase } from "./backup.ts";
import { openSqliteReadOnly, openSqliteStorage } from "./open.ts";
import { withFolder } from "./test-data.test-support.ts";

test("a backup holds what was committed before it, beside a gateway that goes on, and can be continued", () =>
  withFolder(async (folder) => {
    const [data, copy] = [join(folder, "data"), join(folder, "copies", "one")];
    const running = openSqliteStorage(data);
    await running.log.takeOver("inst_1");
    const before = entries(200, "before");
    await running.log.append(before);
    const bytes = backUpDatabase(data, copy);
    const after = entries(3, "after");
    await running.log.append(after);
    await assertLogHolds(running.log, [...before, ...after]);
    await running.close();

    assert.equal(statSync(copy).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(copy), ["portcullis.db"]);
    assert.equal(statSync(join(copy, "portcullis.db")).mode & 0o777, 0o600);
    assert.equal(statSync(join(copy, "portcullis.db")).size, bytes);
    const offline = openSqliteReadOnly(copy);
    await assertLogHolds(offline.log, before);
    offline.close();
    const restored = openSqliteStorage(copy);
    await restored.log.takeOver("inst_2");
    await restored.log.append(after);
    await assertLogHolds(restored.log, [...before, ...after]);
    await restored.close();
  }));

test("a backup goes nowhere that holds something, nor into the data, and a failed one leaves nothing", () =>
  withFolder(async (folder) => {
    const data = join(folder, "data");
    const running = openSqliteStorage(data);
    const full = join(folder, "full");
    mkdirSync(full);
    writeFileSync(join(full, "a"), "");
    const file = join(folder, "file");
    writeFileSync(file, "");
    for (const target of [data, join(data, "copy"), full, file, join(file, "below")]) {
      assert.throws(() => backUpDatabase(data, target), OperatorError, target);
    }
    assert.throws(() => backUpDatabase(join(folder, "none"), join(folder, "copy")), OperatorError);
    assert.deepEqual(readdirSync(folder).toSorted(), ["data", "file", "full"]);
    const empty = join(folder, "empty");
    mkdirSync(empty);
    backUpDatabase(data, empty);
    assert.ok(existsSync(join(empty, "portcullis.db")));
    assert.ok(!readdirSync(dirname(empty)).some((name) => name.startsWith(`${basename(empty)}.`)));
    await running.close();
  }));
