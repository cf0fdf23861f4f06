// One entry as one line of JSON, in the format that whoever reads it knows.

import { cloudEvent } from "./cloud-event.ts";
import type { MappedEntry } from "./mapped-entry.ts";
import { ocsfEvent } from "./ocsf-event.ts";
import { otelLogs } from "./otel-log.ts";

/** `json`: the entry itself, with its index. */
export const entryFormats = ["json", "cloudevents", "ocsf", "otel"] as const;
export type EntryFormat = (typeof entryFormats)[number];

/** Without the line feed. */
export function entryLine(format: EntryFormat, entry: MappedEntry): string {
  switch (format) {
    case "json":
      return JSON.stringify({ index: entry.index, leaf: entry.leaf });
    case "cloudevents":
      return JSON.stringify(cloudEvent(entry));
    case "ocsf":
      return JSON.stringify(ocsfEvent(entry));
    case "otel":
      return JSON.stringify(otelLogs(entry));
  }
}
