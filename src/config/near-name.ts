// The name that somebody most likely meant: what stands behind "did you mean".

/** Longer ones are not typing errors, and comparing them costs. */
const longest = 40;
/** A shorter beginning could be that of anything. */
const shortestPrefix = 3;

/** The nearest of `names`, or null when none is near enough to be meant. Of equally near ones the first. */
export function nearName(written: string, names: readonly string[]): string | null {
  const wanted = folded(written);
  if (wanted === "" || wanted.length > longest) return null;
  let nearest: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const distance = distanceOf(wanted, folded(name));
    if (distance < least) [nearest, least] = [name, distance];
  }
  return nearest;
}

/** `baseURL`, `base-url` and `base_url` are one name in three habits. */
function folded(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

/** Infinite when the two are not near. A beginning counts as one edit: `listen_address` means `listen`. */
function distanceOf(written: string, name: string): number {
  const [short, long] = written.length < name.length ? [written, name] : [name, written];
  if (short.length >= shortestPrefix && long.startsWith(short)) return short === long ? 0 : 1;
  const edits = editDistance(written, name);
  return edits <= Math.max(1, Math.floor(name.length / 3)) && edits < name.length ? edits : Infinity;
}

/** Characters added, left out, replaced, or swapped with their neighbour (Damerau-Levenshtein, each place edited once). */
function editDistance(from: string, to: string): number {
  let older: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          (above[column] ?? Infinity) + 1,
          (current[column - 1] ?? Infinity) + 1,
          (above[column - 1] ?? Infinity) + (same ? 0 : 1),
          swapped ? (older[column - 2] ?? Infinity) + 1 : Infinity,
        ),
      );
    }
    [older, above] = [above, current];
  }
  return above[to.length] ?? Infinity;
}
