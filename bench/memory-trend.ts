// Whether memory grows with the number of calls: a line through what was measured by least squares, held to a bound.

export interface Bound {
  /** Bytes that a call may leave behind on average, for ever. */
  readonly perCall: number;
  /** What all of them together may add however few they are: memory is given back when it suits, not at once. */
  readonly inAll: number;
}

export interface Trend {
  /** Bytes a call. */
  readonly slope: number;
  /** What the line rises over all calls that were looked at, in bytes. */
  readonly rise: number;
  readonly grows: boolean;
}

export interface Point {
  readonly calls: number;
  readonly bytes: number;
}

/** `grows` when the line rises by more than both parts of the bound allow. Throws for fewer than three points. */
export function trend(points: readonly Point[], bound: Bound): Trend {
  const [first, last] = [points[0], points.at(-1)];
  if (points.length < 3 || first === undefined || last === undefined) {
    throw new RangeError("a trend needs three points: make more calls, or sample more often");
  }
  const slope = leastSquares(points);
  const rise = slope * (last.calls - first.calls);
  return { slope, rise, grows: slope > bound.perCall && rise > bound.inAll };
}

function leastSquares(points: readonly Point[]): number {
  const meanCalls = mean(points.map(({ calls }) => calls));
  const meanBytes = mean(points.map(({ bytes }) => bytes));
  let [together, alone] = [0, 0];
  for (const { calls, bytes } of points) {
    together += (calls - meanCalls) * (bytes - meanBytes);
    alone += (calls - meanCalls) ** 2;
  }
  return together / alone;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
