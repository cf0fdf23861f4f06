// Prometheus' text format read strictly, as its specification has it: what is not valid fails the test that reads it.

import assert from "node:assert/strict";

export interface Exposed {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ExposedSample[];
}

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseExposition(text: string): ReadonlyMap<string, Exposed> {
  assert.ok(text.endsWith("\n"), "the last line ends");
  const found = new Map<string, { type: string; help: string; samples: ExposedSample[] }>();
  let current = "";
  for (const line of text.trimEnd().split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP") {
        assert.ok(!found.has(name), `${name} stands once`);
        found.set(name, { type: "", help: rest, samples: [] });
        current = name;
      } else {
        assert.equal(name, current, "TYPE follows its HELP");
        assert.match(rest, /^(?:counter|gauge|histogram)$/);
        Object.assign(found.get(name) ?? {}, { type: rest });
      }
      continue;
    }
    const sample = parseSample(line);
    const metric = found.get(current);
    assert.ok(metric, `${line}: samples stand behind the name of their metric`);
    const suffix = sample.name.slice(current.length);
    const allowed = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    assert.ok(sample.name.startsWith(current) && allowed.includes(suffix), `${line} belongs to ${current}`);
    metric.samples.push(sample);
  }
  for (const [name, metric] of found) checkMetric(name, metric);
  return found;
}

/** The one sample with these labels and perhaps others. */
export function sampleOf(
  metrics: ReadonlyMap<string, Exposed>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const metric = metrics.get(name.replace(/_(?:bucket|sum|count)$/, "")) ?? metrics.get(name);
  const samples = (metric?.samples ?? []).filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  assert.equal(samples.length, 1, `${name} ${JSON.stringify(labels)} stands once`);
  return samples[0]?.value ?? Number.NaN;
}

function parseSample(line: string): ExposedSample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([+-]?(?:Inf|NaN|\d[\d.e+-]*))$/.exec(line);
  assert.ok(match, `\`${line}\` is no sample`);
  const [, name = "", inner = "", value = ""] = match;
  const labels: Record<string, string> = {};
  let rest = inner;
  while (rest !== "") {
    const pair = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    assert.ok(pair, `\`${rest}\` is no label`);
    const [whole, label = "", text = ""] = pair;
    assert.ok(!Object.hasOwn(labels, label), `${label} stands once`);
    labels[label] = text.replace(/\\(.)/g, (_all, one: string) => (one === "n" ? "\n" : one));
    rest = rest.slice(whole.length);
  }
  return {
    name,
    labels,
    value: value.endsWith("Inf") ? Number(value.replace("Inf", "Infinity")) : Number(value),
  };
}

function checkMetric(name: string, { type, samples }: Exposed): void {
  const seen = new Set(samples.map((sample) => JSON.stringify([sample.name, sample.labels])));
  assert.equal(seen.size, samples.length, `the series of ${name} differ`);
  if (type === "counter") for (const { value } of samples) assert.ok(value >= 0, `${name} is not negative`);
  if (type !== "histogram") return;
  const counts = samples.filter((sample) => sample.name === `${name}_count`);
  for (const count of counts) {
    const own = samples.filter(
      (sample) =>
        sample.name === `${name}_bucket` &&
        Object.entries(count.labels).every(([label, value]) => sample.labels[label] === value),
    );
    const bounds = own.map(({ labels }) => Number((labels["le"] ?? "").replace("+Inf", "Infinity")));
    assert.deepEqual(
      bounds,
      bounds.toSorted((one, other) => one - other),
      `the bounds of ${name} rise`,
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const values = own.map(({ value }) => value);
    assert.deepEqual(
      values,
      values.toSorted((one, other) => one - other),
      `the buckets of ${name} add up`,
    );
    assert.equal(values.at(-1), count.value);
  }
}
