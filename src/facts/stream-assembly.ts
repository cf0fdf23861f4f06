// Puts a choice's streamed deltas together again, so that what is decided is the whole tool call and not a part of it.
// Clients differ in how they join parts; where that could make them run something else, the call is marked and denied.

import { fail, ok, type Result } from "../core/result.ts";
import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { PartialCall } from "./partial-call.ts";
import { assemblyFault } from "./proposed-actions.ts";

/** Members of a delta that are what the model wrote, besides tool calls. */
const textMembers = ["content", "refusal", "reasoning_content", "reasoning"] as const;

/** What a call takes besides its text, roughly: a stream of empty calls must meet the bound too. */
const callOverhead = 256;

export class ChoiceAssembly {
  readonly #maxBytes: number;
  readonly #offers: (tool: string) => boolean;
  readonly #calls: PartialCall[] = [];
  /** Calls by `index`, and by `id` where a vendor leaves the index out. */
  readonly #byIndex = new Map<number, PartialCall>();
  readonly #byId = new Map<string, PartialCall>();
  #legacy: PartialCall | null = null;
  /** Why some delta could not be understood, or null. */
  #fault: string | null = null;
  #textBytes = 0;
  #callBytes = 0;

  /**
   * `maxBytes` bounds what is kept: the names and arguments of this choice's tool calls. `offers` says whether the request
   * offered a tool of that name, which decides how a name that comes in parts is to be read; without it such a name is a
   * fault.
   */
  constructor(maxBytes: number, offers: (tool: string) => boolean = () => true) {
    this.#maxBytes = maxBytes;
    this.#offers = offers;
  }

  /** Whether anything of a tool call has come. From then on the choice has to be held back. */
  get hasToolDelta(): boolean {
    return this.#calls.length > 0 || this.#legacy !== null || this.#fault !== null;
  }

  /** UTF-8 bytes of all that the model wrote, to estimate from when its provider reports no usage. */
  get outputBytes(): number {
    return this.#textBytes + this.#callBytes;
  }

  /** Takes the next delta. Fails, in words, when more than `maxBytes` would have to be kept. */
  push(delta: JsonObject): Result<null, string> {
    for (const key of textMembers) {
      const text = member(delta, key);
      if (typeof text === "string") this.#textBytes += Buffer.byteLength(text);
    }
    const calls = member(delta, "tool_calls");
    if (Array.isArray(calls)) this.#pushCalls(calls);
    else if (!isAbsent(calls)) this.#fault ??= "`tool_calls` of a delta is not an array";
    const legacy = member(delta, "function_call");
    if (!isAbsent(legacy)) {
      this.#legacy ??= new PartialCall();
      this.#callBytes += this.#legacy.take({ function: legacy });
    }
    return this.#callBytes + this.#calls.length * callOverhead > this.#maxBytes
      ? fail("the tool calls of an answer are larger than `limits.response`")
      : ok(null);
  }

  /** The message's tool calls so far, in the shape of a message that came whole. For `proposedActions`. */
  message(): JsonObject {
    const calls: unknown[] = this.#calls.map((call) => call.whole(this.#offers));
    if (this.#fault !== null) calls.push({ [assemblyFault]: this.#fault });
    const legacy = this.#legacy?.whole(this.#offers);
    // A fault is only told of by a tool call.
    if (legacy !== undefined && assemblyFault in legacy) calls.push(legacy);
    return {
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(legacy === undefined ? {} : { function_call: member(legacy, "function") ?? null }),
    };
  }

  #pushCalls(deltas: readonly unknown[]): void {
    for (const delta of deltas) {
      if (!isObject(delta)) {
        this.#fault ??= "a delta of a tool call is not an object";
        continue;
      }
      const call = this.#callFor(delta, deltas.length);
      // A part of nobody's call still shows that there are tool calls.
      if (call === null) this.#fault ??= "it cannot be told which tool call a delta belongs to";
      else this.#callBytes += call.take(delta);
    }
  }

  /** By `index`; without one by `id`; without either a name begins a call, and anything else goes on with the only one. */
  #callFor(delta: JsonObject, deltasBeside: number): PartialCall | null {
    const index = member(delta, "index");
    const id = member(delta, "id");
    if (typeof index === "number" && Number.isSafeInteger(index) && index >= 0) {
      const call = this.#found(this.#byIndex, index);
      if (typeof id === "string" && id !== "" && !this.#byId.has(id)) this.#byId.set(id, call);
      return call;
    }
    if (!isAbsent(index)) return null;
    if (typeof id === "string" && id !== "") return this.#found(this.#byId, id);
    if (PartialCall.isNamed(delta)) return this.#begun();
    return this.#calls.length === 1 && deltasBeside === 1 ? (this.#calls[0] ?? null) : null;
  }

  #found<Key>(calls: Map<Key, PartialCall>, key: Key): PartialCall {
    const known = calls.get(key);
    if (known !== undefined) return known;
    const call = this.#begun();
    calls.set(key, call);
    return call;
  }

  #begun(): PartialCall {
    const call = new PartialCall();
    this.#calls.push(call);
    return call;
  }
}
