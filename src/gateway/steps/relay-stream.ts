// Step 8 for a stream: every event is inspected before it goes on; what ends the answer and what it proposes waits until
// it is decided and the completion is durable.

import type { Refusal } from "../../core/refusal.ts";
import { type ProviderAnswer, ProviderStreamError } from "../../providers/provider.ts";
import { SseDecoder } from "../../providers/sse-decoder.ts";
import { servedHeaders, withheldHeaders } from "../answer-headers.ts";
import { AnswerWriter } from "../answer-writer.ts";
import type { CallRun, Completion } from "../call-run.ts";
import { type AnswerHeaders, type ClientChannel, outOfTime } from "../client-channel.ts";
import { letRunOut } from "../discard.ts";
import { endRefused, recordEnd, usageOf } from "../ending.ts";
import type { HeldTurn } from "../held/turn.ts";
import { KeptAnswer } from "../kept-answer.ts";
import type { GatewayParts } from "../parts.ts";
import { providerRefusal } from "../provider-refusal.ts";
import { type InspectionFailure, StreamInspection } from "../stream-inspection.ts";
import { withheldEvents } from "../withheld-answer.ts";
import { type ActionsVerdict, actionEntries, decideActions } from "./decide-actions.ts";
import { usageIsOurs } from "./dispatch.ts";
import { holdActions } from "./hold-actions.ts";
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
  readonly #writer: AnswerWriter;
  /** What went out, for a retry that gets what waits now. Only where a tool was offered. */
  readonly #sent: KeptAnswer;
  #anythingSent = false;

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
    run.writer ??= new AnswerWriter(run, client, {
      framing: "sse",
      status: answer.status,
      headers: () => ({ ...answer.headers, ...headers, ...servedHeaders(run) }),
      keepBytes: run.call.application.payloads === "response" ? parts.limits.response : 0,
    });
    this.#writer = run.writer;
    this.#sent = new KeptAnswer(run.call.request.offeredTools.size > 0 ? parts.limits.response : 0);
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
    this.#run.usageSoFar = () => this.#usage();
    const chunks = this.#answer.chunks[Symbol.asyncIterator]();
    try {
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        this.#run.firstChunk();
        const refusal = await this.#pass(this.#decoder.push(next.value));
        if (refusal !== null || this.#inspection.errorEvent !== null) {
          await chunks.return?.();
          return refusal;
        }
        if (this.#inspection.done) {
          letRunOut(chunks);
          return this.#clientLeft;
        }
      }
    } catch (fault) {
      if (!(fault instanceof ProviderStreamError)) await chunks.return?.();
      if (fault instanceof ProviderStreamError) {
        return providerRefusal(this.#provider, fault.failure, this.#parts.limits.response);
      }
      throw fault;
    }
    const left = this.#clientLeft;
    if (left !== null) return left;
    const refusal = await this.#pass(this.#decoder.end());
    if (refusal !== null || this.#inspection.errorEvent !== null || this.#inspection.complete) return refusal;
    return this.#refused({ reason: "invalid", detail: "the stream ended before the answer did" });
  }

  /** The stream ended as it should: decide, record, and let go of what was kept back. */
  async end(): Promise<void> {
    if (this.#inspection.errorEvent !== null) return this.#endWithUpstreamError(this.#inspection.errorEvent);
    const { actions, truncated } = this.#inspection;
    const verdict = decideActions(this.#parts, this.#run, actions, truncated);
    if (verdict.refusal?.reason === "approval_required") {
      const refusal = this.#unkept(verdict.refusal);
      if (refusal === null) return this.#hold(verdict);
      return this.#letGo({ ...verdict, refusal });
    }
    return this.#letGo(verdict);
  }

  /** What goes out later has to follow on what went out before, also for a retry: what is not kept cannot wait. */
  #unkept({ tools, policies }: Extract<Refusal, { reason: "approval_required" }>): Refusal | null {
    if (!this.#anythingSent || this.#sent.whole() !== null) return null;
    const detail =
      this.#run.call.request.offeredTools.size === 0
        ? "the request offered no tool, so nothing of its answer is kept to wait for a sign-off"
        : "the text before it is larger than `limits.response`, so it cannot be kept to wait for a sign-off";
    return { reason: "tool_call_denied", tools, detail, policies };
  }

  async #letGo(verdict: ActionsVerdict): Promise<void> {
    const inspection = this.#inspection;
    // Only what waits is kept for a retry.
    if (this.#client.signal.aborted) return this.fail({ reason: "client_closed" });
    if (verdict.refusal !== null && !this.#client.started) {
      return endRefused(this.#parts, this.#run, this.#client, verdict.refusal, {
        headers: { ...withheldHeaders(this.#headers, verdict.refusal), ...servedHeaders(this.#run) },
        outcome: "withheld",
        usage: this.#usage(),
        before: actionEntries(this.#parts, this.#run, verdict),
      });
    }
    const tail =
      verdict.refusal === null
        ? inspection.held.map((held) => held.raw)
        : withheldEvents(inspection, verdict.refusal, this.#run.call.id);
    const last = Buffer.concat(tail);
    this.#writer.note(last);
    const unrecorded = await recordEnd(
      this.#parts,
      this.#run,
      {
        outcome: verdict.refusal === null ? "ok" : "withheld",
        reason: verdict.refusal?.reason ?? null,
        status: this.#answer.status,
        ...this.#end(),
        ...this.#writer.recorded(),
      },
      actionEntries(this.#parts, this.#run, verdict),
    );
    if (unrecorded !== null) return this.#client.refuse(unrecorded, this.#headers);
    await this.#writer.finish(last);
  }

  /** A client that leaves while something is proposed may come back for it. */
  get #clientLeft(): Refusal | null {
    const { aborted, reason } = this.#client.signal;
    return aborted && (reason === outOfTime || !this.#run.keepsAnswer) ? { reason: "client_closed" } : null;
  }

  async #hold(verdict: ActionsVerdict): Promise<void> {
    const { held, proposals, naming } = this.#inspection;
    const turn: HeldTurn = {
      v: 1,
      kind: "stream",
      status: this.#answer.status,
      headers: { ...this.#answer.headers },
      choices: proposals.map(({ index, message, finishReason }) => ({
        index,
        message: { ...message },
        finish_reason: finishReason,
      })),
      naming: { ...naming },
      sent: this.#sent.whole()?.toString("utf8") ?? "",
      held: held.map(({ raw, choices, chunk }) => ({
        raw: raw.toString("utf8"),
        choices: [...choices],
        chunk: chunk === null ? null : { ...chunk },
      })),
    };
    await holdActions(this.#parts, this.#run, this.#client, verdict, {
      turn,
      headers: this.#headers,
      end: this.#end(),
      writer: this.#writer,
    });
  }

  /** What the completion says of the model's turn. */
  #end(): Pick<Completion, "servedModel" | "finishReasons" | "usage"> {
    return {
      servedModel: boundedName(this.#inspection.model),
      finishReasons: this.#inspection.finishReasons.map((reason) => boundedName(reason, 64) ?? ""),
      usage: this.#usage(),
    };
  }

  /** The stream broke: what the client has is not a complete answer, and it is told so without `[DONE]`. */
  async fail(refusal: Refusal): Promise<void> {
    await endRefused(this.#parts, this.#run, this.#client, refusal, {
      headers: { ...this.#headers, ...servedHeaders(this.#run) },
    });
  }

  async #endWithUpstreamError(event: Buffer): Promise<void> {
    this.#writer.note(event);
    const unrecorded = await recordEnd(this.#parts, this.#run, {
      outcome: "upstream_error",
      reason: null,
      status: this.#answer.status,
      ...this.#end(),
      finishReasons: [],
      ...this.#writer.recorded(),
    });
    if (unrecorded !== null) return this.#client.refuse(unrecorded, this.#headers);
    await this.#writer.finish(event);
  }

  async #pass(decoded: ReturnType<SseDecoder["push"]>): Promise<Refusal | null> {
    const out: Buffer[] = [];
    let failure: InspectionFailure | null = null;
    if (decoded.ok) {
      for (const event of decoded.value) {
        const taken = this.#inspection.take(event);
        this.#run.keepsAnswer ||= this.#inspection.proposes;
        if (!taken.ok) {
          failure = taken.failure;
          break;
        }
        if (taken.value !== null) out.push(taken.value);
        if (this.#inspection.errorEvent !== null) break;
      }
    } else {
      failure = decoded.failure;
    }
    if (out.length > 0) {
      const [only] = out;
      const bytes = out.length === 1 && only !== undefined ? only : Buffer.concat(out);
      this.#sent.push(bytes);
      this.#anythingSent = true;
      const drained = this.#writer.write(bytes);
      if (drained !== undefined) await drained;
    }
    return failure === null ? null : this.#refused(failure);
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
}
