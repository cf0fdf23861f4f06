// On a terminal, how far long work is: one line that is written over.

const betweenMs = 100;

/** Of a verification. */
export function checkedText(checked: number, size: number): string {
  return `checked ${checked} of ${size} entries`;
}

export class ProgressLine {
  readonly #text: (done: number, total: number) => string;
  #shownAt = performance.now();
  #shown = false;

  constructor(text: (done: number, total: number) => string) {
    this.#text = text;
  }

  show(done: number, total: number): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#shownAt < betweenMs) return;
    this.#shownAt = now;
    this.#shown = true;
    const percent = Math.floor((done / Math.max(1, total)) * 100);
    process.stderr.write(`\r\u001b[K${this.#text(done, total)} (${percent} %)`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\u001b[K");
    this.#shown = false;
  }
}
