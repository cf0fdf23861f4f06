// What a test reads of a gateway's trail: the database itself, read-only, beside the gateway that writes it. Quicker than
// the command line, and nothing of the admin API stands between.

import assert from "node:assert/strict";
import type { Leaf, LeafOf, LeafType } from "portcullis-verify/leaves/leaf-schema.ts";
import { parseLeaf } from "portcullis-verify/leaves/parse-leaf.ts";
import { logPlace } from "../../src/cli/log-place.ts";
import type { TestGateway } from "./test-gateway.ts";

const batch = 1000;

/** The leaves from entry `from` on, in order. A leaf that is not as the schema says fails the test. */
export async function readTrail(gateway: Pick<TestGateway, "folder">, from = 0): Promise<readonly Leaf[]> {
  const database = await (await logPlace(gateway.folder, undefined)).open();
  try {
    const leaves: Leaf[] = [];
    for (;;) {
      const next = from + leaves.length;
      const entries = await database.log.read(next, next + batch);
      for (const { index, leaf } of entries) {
        const parsed = parseLeaf(leaf);
        assert.ok(parsed.ok, `entry ${index} is no leaf`);
        leaves.push(parsed.value);
      }
      if (entries.length < batch) return leaves;
    }
  } finally {
    await database.close();
  }
}

export function leavesOf<Type extends LeafType>(
  leaves: readonly Leaf[],
  type: Type,
): readonly LeafOf<Type>[] {
  return leaves.filter((leaf): leaf is LeafOf<Type> => leaf.type === type);
}

/** The completion of the call whose id an answer's `x-portcullis-call` names. */
export async function completionOf(
  gateway: Pick<TestGateway, "folder">,
  call: string | null,
): Promise<LeafOf<"call.completed"> | undefined> {
  return leavesOf(await readTrail(gateway), "call.completed").find((leaf) => leaf.call === call);
}
