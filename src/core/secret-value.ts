// A secret that cannot be printed by accident: every way of turning it into text says `[secret]`.

const inspect = Symbol.for("nodejs.util.inspect.custom");

export class SecretValue {
  readonly #bytes: Buffer;

  /** Copied into memory of its own: a piece of the pool that Node shares out would keep all of it (64 KiB) for as long. */
  constructor(value: string | Uint8Array) {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
    this.#bytes = Buffer.allocUnsafeSlow(bytes.length);
    this.#bytes.set(bytes);
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
