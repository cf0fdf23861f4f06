// Just enough of HTTP/1.1 for a load generator and a fixed upstream on loopback: where a message ends. Not for anything
// that meets a stranger.

const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("\r\n0\r\n\r\n");

/** Calls back with the body of each request. */
export class RequestReader {
  #pending: Buffer = Buffer.alloc(0);
  readonly #onRequest: (body: Buffer) => void;

  constructor(onRequest: (body: Buffer) => void) {
    this.#onRequest = onRequest;
  }

  push(data: Buffer): void {
    this.#pending = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    for (;;) {
      const head = this.#pending.indexOf(headEnd);
      if (head < 0) return;
      const length = contentLength(this.#pending.toString("latin1", 0, head)) ?? 0;
      const end = head + headEnd.length + length;
      if (this.#pending.length < end) return;
      const body = this.#pending.subarray(head + headEnd.length, end);
      this.#pending = this.#pending.subarray(end);
      this.#onRequest(body);
    }
  }
}

/** Calls back when the one response that is under way has arrived whole. */
export class ResponseReader {
  #pending: Buffer = Buffer.alloc(0);
  readonly #onResponse: (status: number, response: Buffer) => void;

  constructor(onResponse: (status: number, response: Buffer) => void) {
    this.#onResponse = onResponse;
  }

  push(data: Buffer): void {
    this.#pending = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    const head = this.#pending.indexOf(headEnd);
    if (head < 0) return;
    const text = this.#pending.toString("latin1", 0, head);
    const length = contentLength(text);
    const whole =
      length === null
        ? this.#pending.subarray(-lastChunk.length).equals(lastChunk)
        : this.#pending.length >= head + headEnd.length + length;
    if (!whole) return;
    const response = this.#pending;
    this.#pending = Buffer.alloc(0);
    this.#onResponse(Number(text.slice(9, 12)), response);
  }
}

function contentLength(head: string): number | null {
  const [, digits] = /^content-length: *(\d+)/im.exec(head) ?? [];
  return digits === undefined ? null : Number(digits);
}
