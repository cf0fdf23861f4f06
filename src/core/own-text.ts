// V8 makes a part of a text a view of the whole, so that what is kept of a request can keep all of it.

/** The same ASCII text in memory of its own: for parts of what clients send that outlive the request. */
export function ownText(part: string): string {
  return Buffer.from(part, "latin1").toString("latin1");
}
