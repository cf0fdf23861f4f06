// Prometheus' text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).

import { Counter, type Family, type Histogram, type LabelValues, type MetricInfo } from "./metric.ts";

/** What is read when somebody asks: its series, or nothing where it cannot be told now. */
export interface Reading {
  readonly info: MetricInfo;
  read(): Promise<readonly Sample[]>;
}

export interface Sample {
  readonly labels: LabelValues;
  readonly value: number;
}

export type Metric = Family<Counter> | Family<Histogram> | Reading;

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** A reading that fails is left out, so that the others are still to be had. */
export async function exposition(metrics: readonly Metric[]): Promise<string> {
  const lines: string[] = [];
  for (const metric of metrics) {
    const samples = "read" in metric ? await readable(metric) : samplesOf(metric);
    const { name, type, help } = metric.info;
    lines.push(`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`);
    lines.push(`# TYPE ${name} ${type}`, ...samples);
  }
  return `${lines.join("\n")}\n`;
}

async function readable(reading: Reading): Promise<readonly string[]> {
  const { info } = reading;
  try {
    return (await reading.read()).map(({ labels, value }) => line(info.name, pairs(info, labels), value));
  } catch {
    return [];
  }
}

function samplesOf(family: Family<Counter> | Family<Histogram>): readonly string[] {
  const lines: string[] = [];
  const { info } = family;
  for (const { labels, series } of family.all()) {
    const named = pairs(info, labels);
    if (series instanceof Counter) lines.push(line(info.name, named, series.value));
    // Series are made together where one of them is needed; those that nothing was seen of tell nothing.
    else if (labels.length === 0 || series.counts.some((count) => count > 0))
      lines.push(...buckets(info, named, series));
  }
  return lines;
}

function buckets(info: MetricInfo, labels: readonly string[], { bounds, counts, sum }: Histogram): string[] {
  let below = 0;
  const lines = [...bounds, Number.POSITIVE_INFINITY].map((bound, at) => {
    below += counts[at] ?? 0;
    return line(`${info.name}_bucket`, [...labels, `le="${number(bound)}"`], below);
  });
  return [...lines, line(`${info.name}_sum`, labels, sum), line(`${info.name}_count`, labels, below)];
}

function pairs({ labels }: MetricInfo, values: LabelValues): readonly string[] {
  return labels.map((label, at) => `${label}="${escaped(values[at] ?? "")}"`);
}

function line(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${number(value)}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
