// What is counted and timed. Our own few lines, because they stand on the path of every call: OpenTelemetry's SDK hashes
// the labels of each observation anew (measured: over 1 µs and memory each time), and here a series is looked up once.

export type MetricType = "counter" | "gauge" | "histogram";

export interface MetricInfo {
  /** As Prometheus has it: `_total` for counters, the unit at the end. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Label values, in the order of the metric's labels. */
export type LabelValues = readonly string[];

export class Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** `by` is not negative. Allocates nothing. */
  add(by = 1): void {
    this.#value += by;
  }
}

export class Histogram {
  readonly bounds: readonly number[];
  /** How many were at most as large as the bound of the same index and larger than the one before; last, those beyond. */
  readonly counts: Float64Array;
  readonly #sum = new Float64Array(1);

  /** `bounds` rise. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum[0] ?? 0;
  }

  /** Allocates nothing. What is no number is left out. */
  observe(value: number): void {
    if (!Number.isFinite(value)) return;
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
    counts[at] = (counts[at] ?? 0) + 1;
    this.#sum[0] = this.sum + value;
  }
}

/** The series of one metric. Finding one costs; whoever observes often keeps what it found. */
export class Family<Series> {
  readonly info: MetricInfo;
  readonly #make: () => Series;
  readonly #series = new Map<string, { readonly labels: LabelValues; readonly series: Series }>();

  constructor(info: MetricInfo, make: () => Series) {
    this.info = info;
    this.#make = make;
  }

  with(...labels: LabelValues): Series {
    if (labels.length !== this.info.labels.length) {
      throw new TypeError(`${this.info.name} has ${this.info.labels.length} labels`);
    }
    const key = labels.join("\u0000");
    const found = this.#series.get(key);
    if (found !== undefined) return found.series;
    const series = this.#make();
    this.#series.set(key, { labels, series });
    return series;
  }

  all(): Iterable<{ readonly labels: LabelValues; readonly series: Series }> {
    return this.#series.values();
  }
}

export function counterFamily(name: string, help: string, labels: readonly string[] = []): Family<Counter> {
  return new Family({ name, type: "counter", help, labels }, () => new Counter());
}

export function histogramFamily(
  name: string,
  help: string,
  bounds: readonly number[],
  labels: readonly string[] = [],
): Family<Histogram> {
  return new Family({ name, type: "histogram", help, labels }, () => new Histogram(bounds));
}
