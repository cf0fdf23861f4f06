// What calls leave behind in numbers, named by OpenTelemetry's conventions for generative AI where they have a name for it
// (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/; dots become `_`, units go to the end).

import { counterFamily, histogramFamily } from "./metric.ts";

/** As the conventions advise. */
const secondsBounds = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const tokenBounds = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
];

const model = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"];
const byApplication = ["application", "provider", "model"];

export type CallFamilies = ReturnType<typeof callFamilies>;

export function callFamilies() {
  return {
    clientDuration: histogramFamily(
      "gen_ai_client_operation_duration_seconds",
      "From sending a request to a provider to the end of its answer; `error_type` is empty where it ended well.",
      secondsBounds,
      [...model, "error_type"],
    ),
    firstChunk: histogramFamily(
      "gen_ai_client_operation_time_to_first_chunk_seconds",
      "From sending a request to a provider to the first part of its stream.",
      secondsBounds,
      model,
    ),
    tokenUsage: histogramFamily(
      "gen_ai_client_token_usage",
      "Tokens of a call, as the provider reports them, or estimated where it does not.",
      tokenBounds,
      [...model, "gen_ai_token_type"],
    ),
    serverDuration: histogramFamily(
      "gen_ai_server_request_duration_seconds",
      "From a client's whole request to the end of its call, on record; `error_type` is empty where it ended well.",
      secondsBounds,
      [...model, "error_type"],
    ),
    firstToken: histogramFamily(
      "gen_ai_server_time_to_first_token_seconds",
      "From a client's whole request to the first byte of its stream.",
      secondsBounds,
      model,
    ),
    calls: counterFamily(
      "portcullis_calls_total",
      "Calls with a valid key that have ended, by the outcome on record.",
      [...byApplication, "outcome"],
    ),
    tokens: counterFamily("portcullis_tokens_total", "Tokens used: `type` is `input` or `output`.", [
      ...byApplication,
      "type",
    ]),
    cost: counterFamily(
      "portcullis_cost_micro_usd_total",
      "What calls cost, in millionths of a US dollar, where a price is known.",
      byApplication,
    ),
    decisions: counterFamily(
      "portcullis_decisions_total",
      "What policy decided. `subject` is `call` or `action` (a proposed tool call); `reason` is `permitted`, `held`, `forbidden`, `no_permit` or `error`.",
      ["subject", "application", "outcome", "reason"],
    ),
    refusals: counterFamily(
      "portcullis_refusals_total",
      "What clients were refused, strangers included, by the code of the error (see [errors](errors.md)).",
      ["code"],
    ),
    providerErrors: counterFamily(
      "portcullis_provider_errors_total",
      "Requests that a provider failed: `unavailable`, `unreachable`, `timeout`, `invalid`, `too_large`, `status_429`, `status_4xx`, `status_5xx`.",
      ["provider", "model", "reason"],
    ),
  };
}
