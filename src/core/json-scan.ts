// The scan under strict-json.ts: the whole grammar of JSON (RFC 8259) and what it leaves open, in one pass without
// recursion, so that hostile nesting costs no stack and every fault has its place.

import { code, faulty, type JsonFault, JsonTokens, type TokenRules } from "./json-tokens.ts";

/** Offsets into the scanned document, `end` exclusive. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * What one document may hold, because a value costs far more time and memory when it is read than its bytes do on the way:
 * `{}` takes 3 bytes and 64 of memory. A number costs 1 of `budget`, so that an input of 20 MiB given as tokens passes, and
 * so does an embeddings answer in plain numbers.
 */
const cost = { number: 1, string: 8, structure: 25 } as const;
const budget = 8_000_000;
const tooMany =
  `it has to be split, because one document may hold ${budget / cost.structure} objects, arrays and keys, ` +
  `or ${budget / cost.string} strings, or ${budget} numbers, and this one goes beyond`;

export interface ScanOptions extends TokenRules {
  readonly maxDepth: number;
  /** Each character of `text` stands for one byte of UTF-8 (latin1 decoding), so that offsets are byte offsets. */
  readonly bytes: boolean;
  /** Also finds duplicate keys and control characters. Slow: for naming a fault that is known to be there. */
  readonly thorough: boolean;
}

export class JsonScan {
  readonly #text: string;
  readonly #options: ScanOptions;
  /** Whether each open container is an object, outermost first. */
  readonly #open: boolean[] = [];
  /** The keys so far of each open container, when thorough. */
  readonly #keys: Set<string>[] = [];
  #keyCount = 0;
  #budget: number = budget;
  #members: Map<string, JsonSpan> | null = null;
  #memberKey = "";
  #memberStart = -1;
  /** End of the last value, so that a span ends before white space. */
  #valueEnd = 0;
  readonly #tokens: JsonTokens;

  constructor(text: string, options: ScanOptions) {
    this.#text = text;
    this.#options = options;
    this.#tokens = new JsonTokens(text, options);
  }

  /** How many keys all objects have together, duplicates included. */
  get keyCount(): number {
    return this.#keyCount;
  }

  /** The top-level members (the last of duplicates), or null when the document is not an object. Only with `bytes`. */
  get members(): ReadonlyMap<string, JsonSpan> | null {
    return this.#members;
  }

  /** Null when nothing is wrong. To be called once. */
  run(): JsonFault | null {
    const text = this.#text;
    let at = this.#tokens.afterSpace(0);
    for (;;) {
      const first = text.charCodeAt(at);
      if (first === code.openObject || first === code.openArray) {
        const inside = this.#enter(first === code.openObject, at);
        if (inside === faulty) return this.#tokens.fault;
        // The closing brackets stand two places after the opening ones in ASCII.
        if (text.charCodeAt(inside) !== first + 2) {
          at = first === code.openObject ? this.#key(inside) : inside;
          if (at === faulty) return this.#tokens.fault;
          continue;
        }
        at = inside;
      } else {
        this.#valueEnd = this.#tokens.scalar(first, at);
        if (this.#valueEnd === faulty) return this.#tokens.fault;
        if (!this.#spend(first === code.quote ? cost.string : cost.number, at)) return this.#tokens.fault;
        at = this.#tokens.afterSpace(this.#valueEnd);
      }
      at = this.#next(at);
      if (at === faulty || this.#open.length === 0) return this.#tokens.fault;
    }
  }

  #enter(isObject: boolean, at: number): number {
    const { maxDepth, bytes, thorough } = this.#options;
    if (this.#open.length >= maxDepth)
      return this.#tokens.fail("depth", `it nests deeper than ${maxDepth} levels`, at);
    if (!this.#spend(cost.structure, at)) return faulty;
    if (this.#open.length === 0 && isObject && bytes) this.#members = new Map();
    this.#open.push(isObject);
    if (thorough) this.#keys.push(new Set());
    return this.#tokens.afterSpace(at + 1);
  }

  /** From where a value has ended to where the next one begins, or to the end of the document. */
  #next(from: number): number {
    let at = from;
    while (this.#open.length > 0) {
      const isObject = this.#open[this.#open.length - 1] === true;
      const here = this.#text.charCodeAt(at);
      if (here === code.comma) {
        if (this.#open.length === 1) this.#endMember();
        at = this.#tokens.afterSpace(at + 1);
        return isObject ? this.#key(at) : at;
      }
      if (here !== (isObject ? code.closeObject : code.closeArray)) return this.#tokens.unexpected(at);
      if (this.#open.length === 1) this.#endMember();
      this.#open.pop();
      if (this.#options.thorough) this.#keys.pop();
      this.#valueEnd = at + 1;
      at = this.#tokens.afterSpace(at + 1);
    }
    return at === this.#text.length ? at : this.#tokens.unexpected(at);
  }

  /** Reads a key and its colon; returns where the value begins. */
  #key(at: number): number {
    if (this.#text.charCodeAt(at) !== code.quote) return this.#tokens.unexpected(at);
    const end = this.#tokens.string(at);
    if (end === faulty) return faulty;
    if (!this.#spend(cost.structure, at)) return faulty;
    this.#keyCount += 1;
    if (this.#options.thorough && this.#isDuplicate(at, end)) {
      return this.#tokens.fail(
        "duplicate_key",
        `the key \`${shown(this.#keyText(at, end))}\` stands twice in one object`,
        at,
      );
    }
    const colon = this.#tokens.afterSpace(end);
    if (this.#text.charCodeAt(colon) !== code.colon) return this.#tokens.unexpected(colon);
    const value = this.#tokens.afterSpace(colon + 1);
    if (this.#open.length === 1 && this.#members !== null) {
      this.#memberKey = this.#keyText(at, end);
      this.#memberStart = value;
    }
    return value;
  }

  /** False, with a fault, when the document holds too much. */
  #spend(amount: number, at: number): boolean {
    this.#budget -= amount;
    if (this.#budget < 0) this.#tokens.fail("size", tooMany, at);
    return this.#budget >= 0;
  }

  #isDuplicate(at: number, end: number): boolean {
    const keys = this.#keys[this.#keys.length - 1];
    const key = this.#keyText(at, end);
    if (keys?.has(key) === true) return true;
    keys?.add(key);
    return false;
  }

  /** What the key whose literal stands from `at` to `end` means: without escapes, and as text if we hold bytes. */
  #keyText(at: number, end: number): string {
    const literal = this.#text.slice(at, end);
    const text =
      this.#options.bytes && !isAsciiText(literal) ? Buffer.from(literal, "latin1").toString() : literal;
    return text.includes("\\") ? unescaped(text) : text.slice(1, -1);
  }

  #endMember(): void {
    if (this.#memberStart < 0) return;
    this.#members?.set(this.#memberKey, { start: this.#memberStart, end: this.#valueEnd });
    this.#memberStart = -1;
  }
}

function unescaped(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    // A control character stands in it: the document is refused as a whole, so what it is called no longer matters.
    return literal;
  }
}

function isAsciiText(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

function shown(key: string): string {
  return key.length > 40 ? `${key.slice(0, 40).toWellFormed()}…` : key;
}
