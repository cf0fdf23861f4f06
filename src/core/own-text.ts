// V8 makes a part of a text a view of the whole, and a text put together of others a tree of them: what is kept of a request
// can keep far more than its characters.

/** The same text in memory of its own, for what outlives the request that it came with. */
export function ownText(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}
