// Step 8 for a stream: every event is inspected before it goes on; what ends the answer and what it proposes waits until
// it is decided and the completion is durable.

import { createHash } from "node:crypto";
import type { Refusal } from "../../core/refusal.ts";
import { type ProviderAnswer, ProviderStreamError } from "../../providers/provider.ts";
import { SseDecoder } from "../../providers/sse-decoder.ts";
import { servedHeaders } from "../answer-headers.ts";
import type { CallRun } from "../call-run.ts";
import type { AnswerHeaders, ClientChannel } from "../client-channel.ts";
import { endRefused, recordEnd, usageOf } from "../ending.ts";
import type { GatewayParts } from "../parts.ts";
import { providerRefusal } from "../provider-refusal.ts";
import { type InspectionFailure, StreamInspection } from "../stream-inspection.ts";
import { withheldEvents } from "../withheld-answer.ts";
import { withheldHeaders } from "./answer-whole.ts";
import { decideActions } from "./decide-actions.ts";
import { usageIsOurs } from "./dispatch.ts";
import { boundedName } from "./pass-whole.ts";

type StreamAnswer = Extract<ProviderAnswer, { kind: "stream" }>;

export async function relayStream(
  parts: GatewayParts,
  run: CallRun,
  client: ClientChannel,
  answer: StreamAnswer,
  headers: AnswerHeaders,
): Promise<void> {
  const relay = new Relay(parts, run, client, answer, headers);
  const failure = await relay.pump();
  run.returned();
  await (failure === null ? relay.end() : relay.fail(failure));
}

class Relay {
  readonly #parts: GatewayParts;
  readonly #run: CallRun;
  readonly #client: ClientChannel;
  readonly #answer: StreamAnswer;
  readonly #headers: AnswerHeaders;
  readonly #inspection: StreamInspection;
  readonly #decoder: SseDecoder;
  readonly #digest = createHash("sha256");
  readonly #kept: Buffer[] = [];

  constructor(
    parts: GatewayParts,
    run: CallRun,
    client: ClientChannel,
    answer: StreamAnswer,
    headers: AnswerHeaders,
  ) {
    this.#parts = parts;
    this.#run = run;
    this.#client = client;
    this.#answer = answer;
    this.#headers = headers;
    this.#decoder = new SseDecoder({ maxEventBytes: parts.limits.response });
    this.#inspection = new StreamInspection({
      usageIsOurs: usageIsOurs(run.call, parts.providers.get(run.target?.provider ?? "")),
      maxDepth: parts.limits.depth,
      offers: (tool) => run.call.request.offeredTools.has(tool),
      maxHeldBytes: parts.limits.response,
    });
  }

  /** Moves events until the stream ends; a refusal when it does not end well. */
  async pump(): Promise<Refusal | null> {
    this.#run.sentAt = performance.now();
    try {
      for await (const chunk of this.#answer.chunks) {
        const refusal = await this.#pass(this.#decoder.push(chunk));
        if (refusal !== null) return refusal;
        if (this.#inspection.errorEvent !== null) return null;
      }
      const rest = this.#decoder.end();
      if (!rest.ok) return this.#refused({ reason: "invalid", detail: rest.failure.detail });
    } catch (fault) {
      if (fault instanceof ProviderStreamError) {
        return providerRefusal(this.#provider, fault.failure, this.#parts.limits.response);
      }
      throw fault;
    }
    if (this.#client.signal.aborted) return { reason: "client_closed" };
    if (this.#inspection.errorEvent !== null || this.#inspection.complete) return null;
    return this.#refused({ reason: "invalid", detail: "the stream ended before the answer did" });
  }

  /** The stream ended as it should: decide, record, and let go of what was kept back. */
  async end(): Promise<void> {
    if (this.#inspection.errorEvent !== null) return this.#endWithUpstreamError(this.#inspection.errorEvent);
    const inspection = this.#inspection;
    const verdict = decideActions(this.#parts, this.#run, inspection.actions, inspection.truncated);
    if (verdict.refusal !== null && !this.#client.started) {
      return endRefused(this.#parts, this.#run, this.#client, verdict.refusal, {
        headers: { ...this.#headers, ...servedHeaders(this.#run), ...withheldHeaders(verdict.refusal) },
        outcome: "withheld",
        usage: this.#usage(),
        before: verdict.entries,
      });
    }
    const tail =
      verdict.refusal === null
        ? inspection.held.map((held) => held.raw)
        : withheldEvents(inspection, verdict.refusal, this.#run.call.id);
    const last = Buffer.concat(tail);
    this.#note(last);
    const recorded = await recordEnd(
      this.#parts,
      this.#run,
      {
        outcome: verdict.refusal === null ? "ok" : "withheld",
        reason: verdict.refusal?.reason ?? null,
        status: this.#answer.status,
        servedModel: boundedName(inspection.model),
        finishReasons: inspection.finishReasons.map((reason) => boundedName(reason, 64) ?? ""),
        usage: this.#usage(),
        responseDigest: this.#digest.digest(),
        response: this.#keeps ? Buffer.concat(this.#kept) : null,
      },
      verdict.entries,
    );
    if (!recorded) return this.#client.refuse({ reason: "trail_unavailable" }, this.#headers);
    this.#open();
    await this.#client.write(last);
    this.#client.end();
  }

  /** The stream broke: what the client has is not a complete answer, and it is told so without `[DONE]`. */
  async fail(refusal: Refusal): Promise<void> {
    await endRefused(this.#parts, this.#run, this.#client, refusal, {
      headers: { ...this.#headers, ...servedHeaders(this.#run) },
      usage: this.#usage(),
    });
  }

  async #endWithUpstreamError(event: Buffer): Promise<void> {
    this.#note(event);
    const recorded = await recordEnd(this.#parts, this.#run, {
      outcome: "upstream_error",
      reason: null,
      status: this.#answer.status,
      servedModel: boundedName(this.#inspection.model),
      finishReasons: [],
      usage: this.#usage(),
      responseDigest: this.#digest.digest(),
      response: this.#keeps ? Buffer.concat(this.#kept) : null,
    });
    if (!recorded) return this.#client.refuse({ reason: "trail_unavailable" }, this.#headers);
    this.#open();
    await this.#client.write(event);
    this.#client.end();
  }

  async #pass(decoded: ReturnType<SseDecoder["push"]>): Promise<Refusal | null> {
    const out: Buffer[] = [];
    let failure: InspectionFailure | null = null;
    if (decoded.ok) {
      for (const event of decoded.value) {
        const taken = this.#inspection.take(event);
        if (!taken.ok) {
          failure = taken.failure;
          break;
        }
        if (taken.value !== null) out.push(taken.value);
        if (this.#inspection.errorEvent !== null) break;
      }
    } else {
      failure = { reason: "invalid", detail: decoded.failure.detail };
    }
    if (out.length > 0) {
      this.#open();
      const [only] = out;
      const bytes = out.length === 1 && only !== undefined ? only : Buffer.concat(out);
      this.#note(bytes);
      const drained = this.#client.write(bytes);
      if (drained !== undefined) await drained;
    }
    return failure === null ? null : this.#refused(failure);
  }

  #open(): void {
    if (this.#client.started) return;
    this.#run.firstByte();
    this.#client.open(this.#answer.status, {
      ...this.#answer.headers,
      ...this.#headers,
      ...servedHeaders(this.#run),
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
  }

  #note(bytes: Buffer): void {
    this.#digest.update(bytes);
    if (this.#keeps) this.#kept.push(bytes);
  }

  #usage(): ReturnType<typeof usageOf> {
    return usageOf(this.#run, this.#inspection.usage, this.#inspection.outputBytes);
  }

  #refused(failure: InspectionFailure): Refusal {
    return providerRefusal(this.#provider, failure, this.#parts.limits.response);
  }

  get #provider(): string {
    return this.#run.target?.provider ?? "";
  }

  get #keeps(): boolean {
    return this.#run.call.application.payloads === "response";
  }
}
