// The text of a request, gathered while it is described, so that the detectors look at all of it at once: two hundred
// short strings cost what one of their length costs, and a long one can be looked at piece by piece.

import { separator } from "./detectors.ts";
import { isObject, isStructured } from "./json-shape.ts";
import { unescaped, unescapedPieces } from "./unescaped.ts";

export class Texts {
  readonly #plain: string[] = [];
  /** Of these also what their escapes mean is looked at. */
  readonly #escaped: string[] = [];
  #length = 0;

  /** Characters in all, roughly. */
  get length(): number {
    return this.#length;
  }

  add(text: string): void {
    this.#plain.push(text);
    this.#length += text.length + 1;
  }

  /** JSON within JSON, such as a tool call's arguments. */
  addJson(text: string): void {
    this.add(text);
    if (!text.includes("\\")) return;
    this.#escaped.push(text);
    this.#length += text.length + 1;
  }

  /** Everything in `value`, and the key too unless it is a name that is known. */
  addMember(key: string, value: unknown, names: ReadonlySet<string>): void {
    if (!names.has(key)) this.add(key);
    this.addAll(value);
  }

  /** Every string in `value`, keys too. Without recursion. */
  addAll(value: unknown): void {
    if (typeof value === "string") return this.add(value);
    const waiting: object[] = isStructured(value) ? [value] : [];
    for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
      if (Array.isArray(holder)) {
        for (const item of holder) this.#addOrKeep(item, waiting);
      } else if (isObject(holder)) {
        for (const key in holder) {
          this.add(key);
          this.#addOrKeep(holder[key], waiting);
        }
      }
    }
  }

  /** Numbers above all are not kept: there may be millions. */
  #addOrKeep(value: unknown, waiting: object[]): void {
    if (typeof value === "string") this.add(value);
    else if (isStructured(value)) waiting.push(value);
  }

  /** All of it as one text. */
  joined(): string {
    if (this.#escaped.length === 0) return this.#plain.join(separator);
    return [...this.#plain, ...this.#escaped.map(unescaped)].join(separator);
  }

  /** The same in pieces of at most `length` characters; put together they are `joined()` with a separator at the end. */
  *pieces(length: number): Generator<string, void> {
    let waiting: string[] = [];
    let held = 0;
    for (const piece of this.#parts(length)) {
      if (held + piece.length > length && held > 0) {
        yield waiting.join("");
        waiting = [];
        held = 0;
      }
      waiting.push(piece);
      held += piece.length;
    }
    if (held > 0) yield waiting.join("");
  }

  *#parts(length: number): Generator<string, void> {
    for (const text of this.#plain) {
      let at = 0;
      for (; at + length <= text.length; at += length) yield text.slice(at, at + length);
      yield text.slice(at) + separator;
    }
    for (const text of this.#escaped) {
      yield* unescapedPieces(text, length);
      yield separator;
    }
  }
}
