// The definitions of the tools that a request offers, read from its bytes again when one is asked for: only a tool that is
// called needs its digest, and a call that waits minutes for its answer should not hold what it was parsed into.

import { parseStrictJson, type StrictJson } from "../core/strict-json.ts";
import { isObject, type JsonObject, member } from "./json-shape.ts";

export type DefinitionList = "tools" | "functions";

export class ToolDefinitions {
  readonly #members: StrictJson["members"];
  readonly #body: Buffer;
  readonly #lists = new Map<DefinitionList, unknown>();

  /** `json` is what `body` holds. */
  constructor(json: Pick<StrictJson, "members">, body: Buffer) {
    this.#members = json.members;
    this.#body = body;
  }

  /** What stands at `position`, or under `key` in it. It has been found to be an object when the request was read. */
  at(list: DefinitionList, position: number, key: "function" | "custom" | null): JsonObject {
    const entries = this.#list(list);
    const entry: unknown = Array.isArray(entries) ? entries[position] : undefined;
    const definition = key === null || !isObject(entry) ? entry : member(entry, key);
    if (!isObject(definition)) throw new TypeError(`there is no definition at ${list}.${position}`);
    return definition;
  }

  #list(list: DefinitionList): unknown {
    if (!this.#lists.has(list)) {
      const span = this.#members?.get(list);
      const bytes = this.#body.subarray(span?.start ?? 0, span?.end ?? 0);
      const read = parseStrictJson(bytes, Number.POSITIVE_INFINITY);
      this.#lists.set(list, read.ok ? read.value.value : undefined);
    }
    return this.#lists.get(list);
  }
}
