// A secret that cannot be printed by accident: every way of turning it into text says `[secret]`.

const inspect = Symbol.for("nodejs.util.inspect.custom");

export class SecretValue {
  readonly #bytes: Buffer;

  constructor(value: string | Uint8Array) {
    this.#bytes = typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value);
  }

  /** The only way to read the value. Do not let it outlive the callback. */
  use<Returned>(read: (value: string) => Returned): Returned {
    return read(this.#bytes.toString("utf8"));
  }

  /** As `use`, for secrets that are not text (keys). The bytes are the secret's own: never modify or keep them. */
  useBytes<Returned>(read: (value: Uint8Array) => Returned): Returned {
    return read(this.#bytes);
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [Symbol.toPrimitive](): string {
    return "[secret]";
  }

  [inspect](): string {
    return "[secret]";
  }
}
