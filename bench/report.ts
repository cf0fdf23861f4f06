// What was measured, as a table for people. Ratios are taken within a round, where the machine was the same for all.

export interface Measured {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly requests: number;
  readonly failures: number;
  /** Of one core, while measured and warmed up. */
  readonly cpuShare: number;
  readonly rssMiB: number;
}

/** `results` in order: the upstream itself, the bare proxy, and whatever is held against it. */
export function report(title: string, results: ReadonlyMap<string, readonly Measured[]>): void {
  const [direct, bare] = [...results.values()];
  if (direct === undefined || bare === undefined) return;
  const rows = [...results].map(([name, rounds]) => [
    name,
    median(rounds.map(rate)).toFixed(0),
    percent(ratio(rounds, bare, rate)),
    added(rounds, direct, "p50Ms"),
    added(rounds, direct, "p99Ms"),
    percent(median(rounds.map((one) => one.cpuShare))),
    median(rounds.map(ratePerCore)).toFixed(0),
    percent(ratio(rounds, bare, ratePerCore)),
    `${median(rounds.map((one) => one.rssMiB)).toFixed(0)} MiB`,
    String(rounds.reduce((sum, one) => sum + one.failures, 0)),
  ]);
  console.log(`\n${title}`);
  for (const row of [heads, ...rows]) {
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(12) : cell.padStart(11))).join(""));
  }
}

const heads = [
  "",
  "requests/s",
  "of bare",
  "added p50",
  "added p99",
  "core used",
  "per core-s",
  "of bare",
  "RSS",
  "failures",
] as const;

const rate = (one: Measured): number => one.requestsPerSecond;
const ratePerCore = (one: Measured): number => one.requestsPerSecond / one.cpuShare;

function ratio(
  rounds: readonly Measured[],
  others: readonly Measured[],
  of: (one: Measured) => number,
): number {
  return median(
    rounds.flatMap((one, at) => {
      const other = others[at];
      return other === undefined ? [] : [of(one) / of(other)];
    }),
  );
}

function added(rounds: readonly Measured[], direct: readonly Measured[], field: "p50Ms" | "p99Ms"): string {
  const ms = median(rounds.map((one) => one[field]));
  return rounds === direct
    ? `${ms.toFixed(2)} ms`
    : `+${(ms - median(direct.map((one) => one[field]))).toFixed(2)} ms`;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
