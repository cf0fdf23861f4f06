// Every fact that policies find under `context`, in one table: the schema is written from it, contexts are built from
// it and cache keys are made from it, so that the three cannot disagree.

export type FactType = "String" | "Long" | "Bool" | "Set<String>" | "Set<User>" | "ipaddr" | "datetime";

export interface Fact {
  readonly name: string;
  readonly type: FactType;
  readonly optional?: boolean;
}

/** Longs that the client decides on, however large: policies do no arithmetic on these. */
export const callerLongs: ReadonlySet<string> = new Set(["message_count", "input_tokens", "output_limit"]);

const circumstances: readonly Fact[] = [
  { name: "labels", type: "Set<String>" },
  { name: "user", type: "String", optional: true },
  { name: "source_address", type: "ipaddr" },
  { name: "time", type: "datetime" },
];

export const callFacts: readonly Fact[] = [
  { name: "requested_model", type: "String" },
  { name: "message_count", type: "Long" },
  { name: "input_tokens", type: "Long" },
  { name: "output_limit", type: "Long", optional: true },
  { name: "stream", type: "Bool" },
  { name: "tools", type: "Set<String>" },
  { name: "has_images", type: "Bool" },
  { name: "has_audio", type: "Bool" },
  { name: "has_files", type: "Bool" },
  ...circumstances,
];

export const featureFacts: readonly Fact[] = [{ name: "feature", type: "String" }, ...callFacts];

export const actionFacts: readonly Fact[] = [
  { name: "source", type: "String" },
  { name: "application", type: "String" },
  { name: "effect", type: "String" },
  { name: "unattended", type: "Bool" },
  ...circumstances,
];

/** Of a vote. What is of tool calls alone is absent where a model call waits. */
export const approvalFacts: readonly Fact[] = [
  { name: "sign_off", type: "String" },
  { name: "requesters", type: "Set<User>" },
  { name: "editors", type: "Set<User>" },
  { name: "bootstrap", type: "Bool" },
  { name: "application", type: "String" },
  { name: "source", type: "String", optional: true },
  { name: "effect", type: "String", optional: true },
  { name: "labels", type: "Set<String>" },
  { name: "source_address", type: "ipaddr" },
  { name: "time", type: "datetime" },
];

/** Computed from `time`, so that a policy about office hours does not need a new decision every millisecond. */
export const clockFacts = {
  hour: (time: number): number => new Date(time).getUTCHours(),
  /** 1 is Monday, 7 is Sunday. */
  weekday: (time: number): number => new Date(time).getUTCDay() || 7,
} as const;

/** The arguments of a tool call, where the catalog states the tool's parameters. */
export const argumentsFact = "arguments";

/** The facts of sign-offs, which the evaluation itself supplies. */
export const approvalsFact = "approvals";
export const signedOffFact = "signed_off";
