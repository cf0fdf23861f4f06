// Labels for what a text seems to hold, so that policy can speak of `pii.email` and never needs a regular expression of
// its own. A label is a hint with false positives and negatives, not a proof.

import { isCardNumber, startsWithIban } from "./check-digits.ts";
import { unescaped } from "./unescaped.ts";

interface Detector {
  readonly label: string;
  /** The pattern cannot match a text that holds none of these. They begin with a rare letter: that is what is searched for. */
  readonly needs: readonly string[];
  /** Or: it cannot match a text without two digits side by side. */
  readonly needsDigits?: true;
  /**
   * INVARIANT: linear. A match can begin only where a run of its characters begins (look-behind) or with a literal that
   * cannot overlap itself; every repetition is bounded.
   *
   * INVARIANT: whether one begins at a place depends on the character before it and on fewer than `reach` behind it, and
   * no pattern matches or looks at a line break: so a text can be looked at in pieces, and several texts as one.
   */
  readonly pattern: RegExp;
  /** A further test of what matched; without it a match is enough. */
  readonly confirm?: (match: string) => boolean;
}

/** Longest head of a JSON web token: with a certificate chain in it they get to a few thousand characters. */
const maxTokenHead = 4096;

/** How many characters a pattern may have to look at from where its match begins; the token's head is the longest. */
export const reach = maxTokenHead + 64;

/** What keeps two texts apart that are looked at as one. */
export const separator = "\n";

const detectors: readonly Detector[] = [
  {
    label: "pii.email",
    needs: ["@"],
    pattern: /(?<=[\w.%+-])@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}/g,
  },
  {
    // 13 to 19 digits, together or in the groups that are printed on cards.
    label: "pii.credit_card",
    needs: [],
    needsDigits: true,
    pattern: /(?<!\d)[2-6](?:\d{12,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{3}([ -])\d{6}\2\d{4,5})(?!\d)/g,
    confirm: isCardNumber,
  },
  {
    label: "pii.iban",
    needs: [],
    needsDigits: true,
    pattern: /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}/g,
    confirm: startsWithIban,
  },
  {
    label: "pii.us_ssn",
    needs: ["-"],
    pattern: /(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/g,
  },
  {
    label: "secret.anthropic_key",
    needs: ["-ant-"],
    pattern: /(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{20}/g,
  },
  {
    label: "secret.aws_key",
    needs: ["AKIA", "ASIA"],
    pattern: /(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/g,
  },
  {
    label: "secret.github_token",
    needs: ["_"],
    pattern: /gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40}/g,
  },
  { label: "secret.gitlab_token", needs: ["glpat-"], pattern: /glpat-[A-Za-z0-9_-]{20}/g },
  { label: "secret.google_api_key", needs: ["AIza"], pattern: /AIza[A-Za-z0-9_-]{35}/g },
  {
    // Head and the beginning of the claims, both JSON: the rest may be cut off, and may be of any length.
    label: "secret.jwt",
    needs: [".eyJ"],
    pattern: new RegExp(`(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,${maxTokenHead}}\\.eyJ[A-Za-z0-9_-]{8}`, "g"),
  },
  {
    label: "secret.openai_key",
    needs: ["k-"],
    pattern: /(?<![A-Za-z0-9_-])sk-(?!ant-)[A-Za-z0-9_-]{20,200}/g,
    confirm: looksRandom,
  },
  { label: "secret.portcullis_key", needs: ["pcl_"], pattern: /(?<![A-Za-z0-9])pcl_[A-Za-z0-9_-]{20}/g },
  {
    label: "secret.private_key",
    needs: ["PRIVATE KEY"],
    pattern: /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/g,
  },
  {
    label: "secret.slack_token",
    needs: ["xox", "xapp-"],
    pattern: /(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10}/g,
  },
  {
    label: "secret.stripe_key",
    needs: ["_live_"],
    pattern: /(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{16}/g,
  },
];

/** Adds the labels of `text` to `found`. */
export function detect(text: string, found: Set<string>): void {
  detectBetween(text, 0, text.length, found);
}

/** The same for what begins at `from` or behind it, and before `to`. Sees the whole text. */
export function detectBetween(text: string, from: number, to: number, found: Set<string>): void {
  let digits: boolean | null = null;
  for (const detector of detectors) {
    if (found.has(detector.label)) continue;
    if (detector.needsDigits === true) {
      digits ??= /\d\d/.test(text);
      if (!digits) continue;
    }
    if (isFound(detector, text, from, to)) found.add(detector.label);
  }
}

/** The same for the JSON of a tool call's arguments, whose strings may spell what they say with escapes. */
export function detectInArguments(text: string, found: Set<string>): void {
  detect(text, found);
  if (text.includes("\\")) detect(unescaped(text), found);
}

function isFound({ needs, pattern, confirm }: Detector, text: string, from: number, to: number): boolean {
  if (needs.length > 0 && !needs.some((needed) => text.includes(needed))) return false;
  pattern.lastIndex = from;
  for (let match = pattern.exec(text); match !== null && match.index < to; match = pattern.exec(text)) {
    if (confirm === undefined || confirm(match[0])) return true;
    // What was looked for may begin inside what was taken for it.
    pattern.lastIndex = match.index + 1;
  }
  return false;
}

/** `sk-` also begins ordinary words with hyphens; a key has digits among its letters, and mixed case or great length. */
function looksRandom(match: string): boolean {
  return /\d/.test(match) && (/[A-Z]/.test(match) || match.length >= 40);
}
