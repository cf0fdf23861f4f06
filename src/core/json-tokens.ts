// Reads the tokens of JSON (RFC 8259 §2 to §7) one at a time: white space, strings, numbers and words, each to its end,
// and remembers the one fault that stops it.

import { isExactNumber } from "./exact-number.ts";

export type JsonFaultKind = "syntax" | "depth" | "size" | "duplicate_key" | "lone_surrogate" | "number";

export interface JsonFault {
  readonly kind: JsonFaultKind;
  readonly detail: string;
  readonly offset: number;
}

export interface TokenRules {
  /** `exact`: a number must read the same everywhere (RFC 7493 §2.2); `finite`: it must be within a double's range. */
  readonly numbers: "finite" | "exact";
  /** Also looks for control characters in strings, which JSON.parse refuses anyway: for saying where one stands. */
  readonly thorough: boolean;
}

/** Returned in place of a position when there is a fault. */
export const faulty = -1;

/** Character codes of the tokens. */
export const code = {
  quote: 0x22,
  plus: 0x2b,
  comma: 0x2c,
  minus: 0x2d,
  dot: 0x2e,
  slash: 0x2f,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  b: 0x62,
  e: 0x65,
  f: 0x66,
  n: 0x6e,
  r: 0x72,
  t: 0x74,
  u: 0x75,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** Numbers no longer than this, without an exponent, need no look at their value. */
const plainDigits = { finite: 300, exact: 15 } as const;

export class JsonTokens {
  readonly #text: string;
  readonly #rules: TokenRules;
  #fault: JsonFault | null = null;
  /** Next quote and backslash at or after the last place that was searched from. */
  #nextQuote = -1;
  #nextBackslash = -1;

  constructor(text: string, rules: TokenRules) {
    this.#text = text;
    this.#rules = rules;
  }

  get fault(): JsonFault | null {
    return this.#fault;
  }

  fail(kind: JsonFaultKind, detail: string, offset: number): number {
    this.#fault = { kind, detail, offset };
    return faulty;
  }

  /** Fails because of what stands at `at`. */
  unexpected(at: number): number {
    return at >= this.#text.length
      ? this.fail("syntax", "it ends too early", at)
      : this.fail("syntax", "a character stands where JSON has no place for it", at);
  }

  afterSpace(from: number): number {
    let at = from;
    for (;;) {
      const here = this.#text.charCodeAt(at);
      if (here !== 0x20 && here !== 0x0a && here !== 0x0d && here !== 0x09) return at;
      at += 1;
    }
  }

  /** Returns the end of the string, number or word that begins at `at`. */
  scalar(first: number, at: number): number {
    if (first === code.quote) return this.string(at);
    if (first === code.minus || isDigit(first)) return this.#number(at);
    const word = first === code.t ? "true" : first === code.f ? "false" : "null";
    return this.#text.startsWith(word, at) ? at + word.length : this.unexpected(at);
  }

  /** `start` is at the opening quote. */
  string(start: number): number {
    let at = start + 1;
    for (;;) {
      // Both places are remembered, so that no stretch of text is searched twice for either.
      if (this.#nextQuote < at) this.#nextQuote = this.#find('"', at);
      if (this.#nextBackslash < at) this.#nextBackslash = this.#find("\\", at);
      if (this.#nextQuote < this.#nextBackslash) break;
      if (this.#nextBackslash === this.#text.length)
        return this.fail("syntax", "a string does not end", start);
      at = this.#escape(this.#nextBackslash);
      if (at === faulty) return faulty;
    }
    const end = this.#nextQuote + 1;
    return this.#rules.thorough ? this.#withoutControls(start, end) : end;
  }

  #find(character: string, from: number): number {
    const found = this.#text.indexOf(character, from);
    return found < 0 ? this.#text.length : found;
  }

  #withoutControls(start: number, end: number): number {
    for (let at = start; at < end; at += 1) {
      if (this.#text.charCodeAt(at) < 0x20) {
        return this.fail("syntax", "a string holds a control character that is not escaped", at);
      }
    }
    return end;
  }

  #escape(at: number): number {
    const escaped = this.#text.charCodeAt(at + 1);
    if (isShortEscape(escaped)) return at + 2;
    const unit = escaped === code.u ? this.#hex(at + 2) : -1;
    if (unit < 0) return this.fail("syntax", "a string holds an escape that JSON does not have", at);
    if ((unit & 0xf800) !== 0xd800) return at + 6;
    if (unit < 0xdc00 && this.#text.startsWith("\\u", at + 6) && (this.#hex(at + 8) & 0xfc00) === 0xdc00) {
      return at + 12;
    }
    return this.fail("lone_surrogate", "a string holds a lone surrogate", at);
  }

  /** The value of four hexadecimal digits, or -1. */
  #hex(at: number): number {
    const digits = this.#text.slice(at, at + 4);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
  }

  #number(start: number): number {
    const text = this.#text;
    const first = text.charCodeAt(start) === code.minus ? start + 1 : start;
    let at = text.charCodeAt(first) === code.zero ? first + 1 : this.#digits(first);
    if (at !== faulty && text.charCodeAt(at) === code.dot) at = this.#digits(at + 1);
    let plain = true;
    if (at !== faulty && (text.charCodeAt(at) | 0x20) === code.e) {
      plain = false;
      const sign = text.charCodeAt(at + 1);
      at = this.#digits(sign === code.plus || sign === code.minus ? at + 2 : at + 1);
    }
    if (at === faulty || (plain && at - start <= plainDigits[this.#rules.numbers])) return at;
    return this.#valued(start, at);
  }

  /** At least one digit; returns where the last one ends. */
  #digits(from: number): number {
    let at = from;
    while (isDigit(this.#text.charCodeAt(at))) at += 1;
    return at > from ? at : this.unexpected(at);
  }

  #valued(start: number, end: number): number {
    const written = this.#text.slice(start, end);
    if (!Number.isFinite(Number(written))) {
      return this.fail("number", "a number is beyond the range of a double", start);
    }
    if (this.#rules.numbers === "exact" && !isExactNumber(written)) {
      return this.fail("number", "a number cannot be held exactly by a double", start);
    }
    return end;
  }
}

function isDigit(here: number): boolean {
  return here >= code.zero && here <= code.nine;
}

/** One of `"`, `\`, `/`, `b`, `f`, `n`, `r`, `t`. */
function isShortEscape(escaped: number): boolean {
  switch (escaped) {
    case code.quote:
    case code.backslash:
    case code.slash:
    case code.b:
    case code.f:
    case code.n:
    case code.r:
    case code.t:
      return true;
    default:
      return false;
  }
}
