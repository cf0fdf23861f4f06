// Entries as OpenTelemetry log records: each line is a `LogsData` of OTLP in JSON, as a collector's file receiver reads it
// (https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/).

import { actorName, type MappedEntry, subjectOf, wasRefused } from "./mapped-entry.ts";

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
}

const info = { severityNumber: 9, severityText: "INFO" };
const warn = { severityNumber: 13, severityText: "WARN" };

export function otelLogs(entry: MappedEntry): object {
  const { leaf, origin } = entry;
  const nanos = `${Date.parse(leaf.time)}000000`;
  const record = {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    ...(wasRefused(leaf) === true ? warn : info),
    eventName: `portcullis.${leaf.type}`,
    body: { stringValue: JSON.stringify(leaf) },
    attributes: attributesOf(entry),
  };
  return {
    resourceLogs: [
      {
        resource: {
          attributes: [text("service.name", "portcullis"), text("service.instance.id", leaf.instance)],
        },
        scopeLogs: [{ scope: { name: origin }, logRecords: [record] }],
      },
    ],
  };
}

function attributesOf({ index, leaf }: MappedEntry): readonly Attribute[] {
  const subject = subjectOf(leaf);
  const usage =
    leaf.type === "call.completed"
      ? [
          whole("gen_ai.usage.input_tokens", leaf.usage.input_tokens),
          whole("gen_ai.usage.output_tokens", leaf.usage.output_tokens),
        ]
      : [];
  return [
    whole("portcullis.log.index", index),
    text("portcullis.entry.id", leaf.id),
    text("portcullis.actor.kind", leaf.actor.kind),
    text("portcullis.actor.id", actorName(leaf)),
    ...("call" in leaf && typeof leaf.call === "string" ? [text("portcullis.call", leaf.call)] : []),
    ...(subject === null ? [] : [text(`portcullis.${subject.type}`, subject.name)]),
    ...("decision" in leaf ? [text("portcullis.decision", leaf.decision)] : []),
    ...("outcome" in leaf ? [text("portcullis.outcome", leaf.outcome)] : []),
    ...usage,
  ];
}

function text(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

/** OTLP in JSON writes 64-bit integers as strings. */
function whole(key: string, value: number): Attribute {
  return { key, value: { intValue: String(value) } };
}
