// Counts and times calls. It stands on the path of every call, so the series that each needs are looked up by names that
// are there already, and made once.

import type { CallFamilies } from "./call-families.ts";
import type { KnownNames } from "./known-names.ts";
import type { Counter, Histogram } from "./metric.ts";

export type Operation = "chat" | "embeddings";

/** Where a request goes, as config and client name it. */
export interface MeteredTarget {
  readonly provider: string;
  readonly model: string;
}

export interface EndedCall {
  readonly operation: Operation;
  readonly application: string;
  readonly outcome: string;
  /** Null when nothing was sent. */
  readonly target: MeteredTarget | null;
  readonly seconds: number;
  /** Null when no stream was begun. */
  readonly secondsToFirstByte: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Null when no price is known. */
  readonly costMicroUsd: number | null;
}

export type DecisionReason = "permitted" | "held" | "forbidden" | "no_permit" | "error";

interface TargetSeries {
  readonly labels: readonly [operation: string, provider: string, model: string];
  readonly clientDuration: Histogram;
  readonly firstChunk: Histogram;
  readonly inputTokens: Histogram;
  readonly outputTokens: Histogram;
  readonly serverDuration: Histogram;
  readonly firstToken: Histogram;
}

interface ApplicationSeries {
  readonly outcomes: Map<string, Counter>;
  readonly inputTokens: Counter;
  readonly outputTokens: Counter;
  readonly cost: Counter;
}

const nowhere: MeteredTarget = { provider: "", model: "" };

export class CallMeter {
  readonly #names: KnownNames;
  readonly #families: CallFamilies;
  readonly #targets: Nested<TargetSeries>;
  readonly #applications: Nested<ApplicationSeries>;
  readonly #decisions: Nested<Map<DecisionReason, Counter>>;
  readonly #refusals = new Map<string, Counter>();

  constructor(names: KnownNames, families: CallFamilies) {
    this.#names = names;
    this.#families = families;
    this.#targets = new Nested((operation, provider, model) =>
      targetSeries(families, operation, provider, model),
    );
    this.#applications = new Nested((application, provider, model) =>
      applicationSeries(families, application, provider, model),
    );
    this.#decisions = new Nested(() => new Map());
  }

  ended(call: EndedCall): void {
    const { operation, outcome } = call;
    const target = call.target ?? nowhere;
    const application = this.#ofApplication(call.application, call.target);
    let outcomes = application.outcomes.get(outcome);
    if (outcomes === undefined) {
      outcomes = this.#outcomes(call.application, call.target, outcome);
      application.outcomes.set(outcome, outcomes);
    }
    outcomes.add();
    const series = this.#of(operation, target);
    const error = errorType(outcome);
    if (error === "") series.serverDuration.observe(call.seconds);
    else this.#families.serverDuration.with(...series.labels, error).observe(call.seconds);
    if (call.secondsToFirstByte !== null) series.firstToken.observe(call.secondsToFirstByte);
    if (call.inputTokens + call.outputTokens > 0) {
      series.inputTokens.observe(call.inputTokens);
      series.outputTokens.observe(call.outputTokens);
      application.inputTokens.add(call.inputTokens);
      application.outputTokens.add(call.outputTokens);
    }
    if (call.costMicroUsd !== null) application.cost.add(call.costMicroUsd);
  }

  /** A request and its answer are over; `error` is empty where it ended well. */
  answered(operation: Operation, target: MeteredTarget, seconds: number, error: string): void {
    const series = this.#of(operation, target);
    if (error === "") return series.clientDuration.observe(seconds);
    const [, provider, model] = series.labels;
    this.#families.clientDuration.with(...series.labels, error).observe(seconds);
    this.#families.providerErrors.with(provider, model, error).add();
  }

  firstChunk(operation: Operation, target: MeteredTarget, seconds: number): void {
    this.#of(operation, target).firstChunk.observe(seconds);
  }

  decided(subject: "call" | "action", application: string, outcome: string, reason: DecisionReason): void {
    const name = this.#names.application(application);
    const reasons = this.#decisions.get(subject, name, outcome);
    let counter = reasons.get(reason);
    if (counter === undefined) {
      counter = this.#families.decisions.with(subject, name, outcome, reason);
      reasons.set(reason, counter);
    }
    counter.add();
  }

  /** `code` is one of the product's own. */
  refused(code: string): void {
    let counter = this.#refusals.get(code);
    if (counter === undefined) {
      counter = this.#families.refusals.with(code);
      this.#refusals.set(code, counter);
    }
    counter.add();
  }

  #of(operation: Operation, { provider, model }: MeteredTarget): TargetSeries {
    if (provider === "") return this.#targets.get(operation, "", "");
    return this.#targets.get(operation, this.#names.provider(provider), this.#names.model(provider, model));
  }

  #ofApplication(application: string, target: MeteredTarget | null): ApplicationSeries {
    const name = this.#names.application(application);
    if (target === null) return this.#applications.get(name, "", "");
    const { provider, model } = target;
    return this.#applications.get(name, this.#names.provider(provider), this.#names.model(provider, model));
  }

  #outcomes(application: string, target: MeteredTarget | null, outcome: string): Counter {
    const { provider, model } = target ?? nowhere;
    const labels =
      target === null ? ["", ""] : [this.#names.provider(provider), this.#names.model(provider, model)];
    return this.#families.calls.with(this.#names.application(application), ...labels, outcome);
  }
}

function targetSeries(
  families: CallFamilies,
  operation: string,
  provider: string,
  model: string,
): TargetSeries {
  const labels = [operation, provider, model] as const;
  return {
    labels,
    clientDuration: families.clientDuration.with(...labels, ""),
    firstChunk: families.firstChunk.with(...labels),
    inputTokens: families.tokenUsage.with(...labels, "input"),
    outputTokens: families.tokenUsage.with(...labels, "output"),
    serverDuration: families.serverDuration.with(...labels, ""),
    firstToken: families.firstToken.with(...labels),
  };
}

function applicationSeries(
  families: CallFamilies,
  application: string,
  provider: string,
  model: string,
): ApplicationSeries {
  const labels = [application, provider, model] as const;
  return {
    outcomes: new Map(),
    inputTokens: families.tokens.with(...labels, "input"),
    outputTokens: families.tokens.with(...labels, "output"),
    cost: families.cost.with(...labels),
  };
}

/** What waits or was withheld was answered well all the same. */
const answered: ReadonlySet<string> = new Set(["ok", "partial", "held", "withheld"]);

/** Everything else is an error of its name. */
function errorType(outcome: string): string {
  return answered.has(outcome) ? "" : outcome;
}

/** Series by three names, found without making a text of them. */
class Nested<Series> {
  readonly #make: (one: string, two: string, three: string) => Series;
  readonly #series = new Map<string, Map<string, Map<string, Series>>>();

  constructor(make: (one: string, two: string, three: string) => Series) {
    this.#make = make;
  }

  get(one: string, two: string, three: string): Series {
    const found = this.#series.get(one)?.get(two)?.get(three);
    if (found !== undefined) return found;
    const series = this.#make(one, two, three);
    const twos = this.#series.get(one) ?? new Map<string, Map<string, Series>>();
    const threes = twos.get(two) ?? new Map<string, Series>();
    this.#series.set(one, twos.set(two, threes.set(three, series)));
    return series;
  }
}
