// Keys that are not a known name but fold to one. Some readers (Go's encoding/json above all) match keys without regard to
// case, and so read a member under a name under which nobody has looked at it.

/** The first such key of `object`, or null. `names` are lowercase ASCII. */
export function foldedKey(
  object: Readonly<Record<string, unknown>>,
  names: ReadonlySet<string>,
): string | null {
  for (const key in object) {
    if (!names.has(key) && !isPlain(key) && names.has(folded(key))) return key;
  }
  return null;
}

/** Folds to itself: what nearly every key is made of. */
function isPlain(key: string): boolean {
  for (let at = 0; at < key.length; at += 1) {
    const unit = key.charCodeAt(at);
    if (unit > 0x7a || (unit >= 0x41 && unit <= 0x5a)) return false;
  }
  return true;
}

/** Names are shorter, and no folding halves a key: what is longer is none of them, and costs no time. */
const maxLength = 256;

/**
 * NFKC takes `ſ` to s, the Kelvin sign to K, and full-width letters to plain ones. Upper case comes first for the readers
 * that compare so (Java, .NET), to whom the dotless ı is an I; the dot that İ leaves behind is dropped.
 */
function folded(key: string): string {
  if (key.length > maxLength) return key;
  return key.normalize("NFKC").toUpperCase().toLowerCase().replaceAll("i\u0307", "i");
}
