// Entries as CloudEvents 1.0 in JSON (https://github.com/cloudevents/spec, json-format.md).

import { type MappedEntry, subjectOf } from "./mapped-entry.ts";

export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  /** A URI-reference: the log. */
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  /** Where the entry stands in the log. An integer of CloudEvents has 32 bits, so it is a string. */
  readonly logindex: string;
  readonly data: object;
}

export function cloudEvent(entry: MappedEntry): CloudEvent {
  const { index, leaf, origin } = entry;
  const subject = subjectOf(leaf);
  return {
    specversion: "1.0",
    id: leaf.id,
    source: `//${encodeURI(origin)}`,
    type: `portcullis.${leaf.type}`,
    ...(subject === null ? {} : { subject: subject.name }),
    time: leaf.time,
    datacontenttype: "application/json",
    logindex: String(index),
    data: leaf,
  };
}
