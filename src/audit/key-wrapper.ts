// Wraps data keys under the key-encryption key, which the trail never sees.

export interface KeyWrapper {
  /** Names the key that wraps, so that what was wrapped under another is told from what is damaged. At most 255 bytes. */
  readonly keyId: string;
  wrap(bytes: Uint8Array): Uint8Array;
  /** Throws when these bytes were not wrapped under this key. */
  unwrap(bytes: Uint8Array): Uint8Array;
}
