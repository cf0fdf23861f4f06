// What the detectors find in a request's text. A short one is looked at on the spot; a long one in pieces, with a turn of
// the event loop between them, so that nobody else's call waits for a hostile 20 MiB.

import { setImmediate as turn } from "node:timers/promises";
import { detect, detectBetween, reach } from "./detectors.ts";
import type { Texts } from "./texts.ts";

/** Hostile text keeps the detectors busy for about 0.1 ms a KiB, so a piece takes less than 10 ms. */
const pieceLength = 64 * 1024;
/** What is no longer than this is looked at on the spot. */
const shortLength = 2 * pieceLength;

/** The labels, sorted. */
export function labelsOf(texts: Texts): readonly string[] | Promise<readonly string[]> {
  if (texts.length > shortLength) return labelsInPieces(texts);
  const found = new Set<string>();
  detect(texts.joined(), found);
  return [...found].sort();
}

async function labelsInPieces(texts: Texts): Promise<readonly string[]> {
  const scan = new LabelScan();
  for (const piece of texts.pieces(pieceLength)) {
    scan.push(piece);
    await turn();
  }
  return [...scan.end()].sort();
}

/**
 * Finds in pieces exactly what `detect` finds in the whole. A place is decided as soon as `reach` characters behind it are
 * there, or the end: no pattern looks further, nor at more than the one character before it.
 */
export class LabelScan {
  readonly #found = new Set<string>();
  /** What is still needed of the pieces so far. */
  #kept = "";
  /** Where in it the first place stands that is not decided yet. */
  #from = 0;

  push(piece: string): void {
    const text = this.#kept + piece;
    const to = text.length - reach;
    this.#kept = text;
    if (to <= this.#from) return;
    detectBetween(text, this.#from, to, this.#found);
    this.#kept = text.slice(to - 1);
    this.#from = 1;
  }

  end(): ReadonlySet<string> {
    detectBetween(this.#kept, this.#from, this.#kept.length, this.#found);
    return this.#found;
  }
}
