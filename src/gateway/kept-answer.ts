// A streamed answer as the client gets it, kept for the payload beside the trail: whole, or not at all.

export class KeptAnswer {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** `maxBytes` of 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#bytes <= this.#maxBytes) this.#pieces.push(piece);
    // Part of an answer would not match what the record commits to.
    else this.#pieces = [];
  }

  /** Null when it is not kept: nobody asked, or it grew beyond what may be. */
  whole(): Buffer | null {
    return this.#bytes > this.#maxBytes || this.#maxBytes === 0 ? null : Buffer.concat(this.#pieces);
  }
}
