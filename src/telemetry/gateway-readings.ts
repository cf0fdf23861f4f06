// The state of the gateway when somebody asks for it.

import type { Reading } from "./exposition.ts";
import { reading, single } from "./process-readings.ts";

export interface GatewayState {
  readonly inFlight: () => number;
  readonly queued: () => number;
  readonly waiting: () => number;
  readonly lateCompletions: () => number;
  readonly appendsWaiting: () => number;
  readonly trailAvailable: () => boolean;
  readonly unsealedSeconds: () => number;
  /** Seconds since the newest checkpoint; null when there is none. */
  readonly checkpointAge: () => number | null;
  /** Entries under the newest checkpoint that not enough witnesses have cosigned yet; null where none are asked. */
  readonly unwitnessedEntries: () => number | null;
  readonly witnesses: () => readonly WitnessState[];
  /** Pages of the database's write-ahead log that are not in the database yet; null where there is none. */
  readonly walPages: () => number | null;
  /** Entries of the trail that are not counted as usage yet. */
  readonly usageLag: () => Promise<number>;
  /** When the server's certificate ends, in seconds since the epoch; null without TLS. */
  readonly certificateEnds: () => number | null;
  readonly spans: () => { readonly exported: number; readonly dropped: number } | null;
}

/** How a witness keeps up. */
export interface WitnessState {
  readonly name: string;
  /** Entries under the newest checkpoint that it is not known to have cosigned. */
  readonly lagEntries: number;
  /** What became of asking it, by name. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export function gatewayReadings(state: GatewayState): readonly Reading[] {
  return [
    single("portcullis_calls_in_flight", "gauge", "Calls that are worked on.", state.inFlight),
    single("portcullis_calls_waiting", "gauge", "Calls that wait for people.", state.waiting),
    single("portcullis_calls_queued", "gauge", "Calls that wait for a slot.", state.queued),
    single(
      "portcullis_late_completions",
      "gauge",
      "Entries about calls that have ended and that the trail could not take yet.",
      state.lateCompletions,
    ),
    single(
      "portcullis_trail_available",
      "gauge",
      "1 while the trail takes entries; at 0 calls are refused.",
      () => Number(state.trailAvailable()),
    ),
    single(
      "portcullis_trail_appends_waiting",
      "gauge",
      "Appends that are not durable yet.",
      state.appendsWaiting,
    ),
    single(
      "portcullis_trail_unsealed_seconds",
      "gauge",
      "For how long the oldest entry without a signed checkpoint has had none; at 5 calls are refused.",
      state.unsealedSeconds,
    ),
    optional(
      "portcullis_trail_checkpoint_age_seconds",
      "Since the newest checkpoint. It grows while nothing happens; the one above is the one to watch.",
      state.checkpointAge,
    ),
    optional(
      "portcullis_trail_unwitnessed_entries",
      "Entries under the newest checkpoint that not enough of `audit.witnesses` have cosigned yet.",
      state.unwitnessedEntries,
    ),
    ...witnessReadings(state.witnesses),
    optional(
      "portcullis_wal_pages_waiting",
      "Pages of SQLite's write-ahead log that are not folded into the database yet.",
      state.walPages,
    ),
    single(
      "portcullis_usage_lag_entries",
      "gauge",
      "Entries of the trail that are not counted as usage yet.",
      state.usageLag,
    ),
    optional(
      "portcullis_tls_certificate_end_seconds",
      "When the certificate of `server.tls` ends, since the epoch.",
      state.certificateEnds,
    ),
    reading(
      "portcullis_spans_total",
      "counter",
      "Spans, `exported` or `dropped`, while `telemetry.otlp` is set.",
      ["fate"],
      () => {
        const spans = state.spans();
        if (spans === null) return [];
        return [
          { labels: ["exported"], value: spans.exported },
          { labels: ["dropped"], value: spans.dropped },
        ];
      },
    ),
  ];
}

function witnessReadings(witnesses: GatewayState["witnesses"]): readonly Reading[] {
  return [
    reading(
      "portcullis_witness_lag_entries",
      "gauge",
      "Entries under the newest checkpoint that this witness is not known to have cosigned; of several gateways the one that signs knows.",
      ["witness"],
      () => witnesses().map(({ name, lagEntries }) => ({ labels: [name], value: lagEntries })),
    ),
    reading(
      "portcullis_witness_requests_total",
      "counter",
      "Checkpoints that a witness was asked to cosign: `cosigned`, `ahead` (it has a later one), `refused`, `invalid` (an answer that is none), `unreachable`, `contradicted` (nothing is signed any more).",
      ["witness", "outcome"],
      () =>
        witnesses().flatMap(({ name, outcomes }) =>
          Object.entries(outcomes).map(([outcome, value]) => ({ labels: [name, outcome], value })),
        ),
    ),
  ];
}

/** A value that there may be none of. */
function optional(name: string, help: string, read: () => number | null): Reading {
  return reading(name, "gauge", help, [], () => {
    const value = read();
    return value === null ? [] : [{ labels: [], value }];
  });
}
