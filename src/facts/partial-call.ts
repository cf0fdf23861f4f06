// One streamed tool call on its way to being whole, and what makes it ambiguous.

import { isAbsent, isObject, type JsonObject, member } from "./json-shape.ts";
import { assemblyFault } from "./proposed-actions.ts";
import { toolCallFault } from "./tool-call-members.ts";

type Kind = "function" | "custom";

export class PartialCall {
  #id: string | null = null;
  /** As stated; null while nothing has been. */
  #type: string | null = null;
  /** Which member its parts came in. */
  #kind: Kind | null = null;
  readonly #names: string[] = [];
  #text = "";
  #fault: string | null = null;

  /** Whether a delta names the tool: vendors do so once, where a call begins. */
  static isNamed(delta: JsonObject): boolean {
    const named = member(delta, "function") ?? member(delta, "custom");
    const name = isObject(named) ? member(named, "name") : undefined;
    return typeof name === "string" && name !== "";
  }

  /** Takes one of its parts; returns how many bytes of it are kept. */
  take(delta: JsonObject): number {
    this.#fault ??= toolCallFault(delta);
    this.#takeType(member(delta, "type"));
    this.#takeId(member(delta, "id"), PartialCall.isNamed(delta));
    const asFunction = member(delta, "function");
    const asCustom = member(delta, "custom");
    if (!isAbsent(asFunction) && !isAbsent(asCustom)) {
      this.#fault ??= "a delta is of a function and of a custom tool at once";
    }
    if (!isAbsent(asFunction)) return this.#takeNamed("function", asFunction);
    return isAbsent(asCustom) ? 0 : this.#takeNamed("custom", asCustom);
  }

  #takeType(type: unknown): void {
    if (isAbsent(type) || type === "") return;
    if (typeof type !== "string" || (this.#type !== null && this.#type !== type)) {
      this.#fault ??= "the deltas of a tool call differ in its type";
    } else {
      this.#type = type;
    }
  }

  /**
   * Some vendors send a new id with each part of one call; that is harmless, because parts without a name cannot be run
   * as a call of their own. Two ids that both come with a name are two calls under one index: whose the arguments are
   * depends on the client.
   */
  #takeId(id: unknown, named: boolean): void {
    if (isAbsent(id) || id === "") return;
    if (typeof id !== "string") this.#fault ??= "the id of a tool call is not a string";
    else if (this.#id === null) this.#id = id;
    else if (this.#id !== id && named) this.#fault ??= "two tool calls have the same index";
  }

  #takeNamed(kind: Kind, named: unknown): number {
    if (this.#kind !== null && this.#kind !== kind)
      this.#fault ??= "the deltas of a tool call differ in its kind";
    this.#kind = kind;
    const name = isObject(named) ? (member(named, "name") ?? "") : null;
    const text = isObject(named) ? (member(named, kind === "function" ? "arguments" : "input") ?? "") : null;
    if (typeof name !== "string" || typeof text !== "string") {
      this.#fault ??= "the name or the arguments of a tool call are not a string";
      return 0;
    }
    if (name !== "") this.#names.push(name);
    this.#text += text;
    return Buffer.byteLength(name) + Buffer.byteLength(text);
  }

  /** In the shape of a call that came whole, or with `assemblyFault`. */
  whole(offers: (tool: string) => boolean): JsonObject {
    const name = readName(this.#names, offers);
    const fault =
      this.#fault ?? (name === null ? "the name of a tool call can be read in more than one way" : null);
    if (fault !== null) return { [assemblyFault]: fault };
    const kind = this.#kind ?? "function";
    const named = kind === "function" ? { name, arguments: this.#text } : { name, input: this.#text };
    return { id: this.#id, type: this.#type ?? kind, [kind]: named };
  }
}

/**
 * The name that parts make. Vendors send a name in pieces, repeat it, or send it growing; clients join the parts, or keep
 * the first or the last one. Null when more than one of these readings is a tool that the client has, or when the only
 * one is not what any vendor would mean.
 */
function readName(parts: readonly string[], offers: (tool: string) => boolean): string | null {
  const last = parts[parts.length - 1] ?? "";
  if (parts.length <= 1) return last;
  const joined = parts.join("");
  const grows = parts.every((part, at) => part.startsWith(parts[at - 1] ?? ""));
  const [offered, ...others] = [...new Set([...parts, joined])].filter(offers);
  // When none is offered none can be run; what is recorded is the plainest reading.
  if (offered === undefined) return grows ? last : joined;
  const isMeant = offered === joined || (grows && offered === last);
  return isMeant && others.length === 0 ? offered : null;
}
