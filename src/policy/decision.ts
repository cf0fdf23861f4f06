// What policy is asked and what it answers. The rest of the gateway knows Cedar only through these types.

import type { ArgumentValues } from "../core/argument-type.ts";
import type { CalendarWindow } from "../core/calendar-window.ts";
import type { DeterminingPolicy } from "../core/refusal.ts";
import type { CounterValues } from "./counter-facts.ts";
import type { CounterUse } from "./counter-uses.ts";

export interface Principal {
  /** The application's configured name. */
  readonly id: string;
}

/** Facts of a model call, as policies see them under `context`. A fact that is absent is undefined here and absent in Cedar. */
export interface CallContext {
  /** The model as the client wrote it: an alias or `provider/model`. */
  readonly requested_model: string;
  readonly message_count: number;
  /** An estimate: see facts/token-estimate.ts. */
  readonly input_tokens: number;
  readonly output_limit?: number;
  readonly stream: boolean;
  readonly tools: readonly string[];
  readonly has_images: boolean;
  readonly has_audio: boolean;
  readonly has_files: boolean;
  /** What the detectors found, for example `pii.email`. */
  readonly labels: readonly string[];
  /** The `user` field, as the client asserts it. */
  readonly user?: string;
  /** IPv4 or IPv6 address in text form. */
  readonly source_address: string;
  /** Milliseconds since the epoch; `context.time` is a Cedar datetime. */
  readonly time: number;
  /** Where the counters stand that policies read (`DecisionPoint.counters`); without one that they read it is a deny. */
  readonly counters?: CounterValues;
}

/** A request field that makes the provider act, route or keep something; each needs its own permit. */
export interface FeatureContext extends CallContext {
  readonly feature: string;
}

/** Facts of a proposed tool call, or of one that waits. */
export interface ActionContext {
  readonly source: "client";
  readonly application: string;
  readonly effect: "read" | "write";
  readonly unattended: boolean;
  /** Of a tool whose parameters the catalog states; without them its every call is denied. */
  readonly arguments?: ArgumentValues;
  readonly labels: readonly string[];
  readonly user?: string;
  readonly source_address: string;
  readonly time: number;
}

/** A person who votes on what waits. */
export interface Voter {
  /** As `groups:` and `sign_offs:` of the config name them. */
  readonly user: string;
  /** Those of the config's groups that they are in now. */
  readonly groups: readonly string[];
}

/** What waits: a tool call, or a call of a model (`PROVIDER/MODEL`). */
export type AwaitedResource = { readonly tool: string } | { readonly model: string };

/** Facts of a vote. */
export interface ApprovalContext {
  /** The sign-off that the vote would count for. */
  readonly sign_off: string;
  /** Everybody in whose name it was asked for: the user, verified or as the client says, and the key's owner and creator. */
  readonly requesters: readonly string[];
  /** Everybody who has edited what is voted on. */
  readonly editors: readonly string[];
  /** Whether the voter is the operator's file token while no person is enrolled. */
  readonly bootstrap: boolean;
  readonly application: string;
  /** Of a tool call. */
  readonly source?: ActionContext["source"];
  /** Of a tool call. */
  readonly effect?: ActionContext["effect"];
  /** Labels of what is voted on, as they were when it was decided. */
  readonly labels: readonly string[];
  /** The voter's. */
  readonly source_address: string;
  /** When the vote was cast. */
  readonly time: number;
}

export type DecisionRequest =
  | {
      readonly action: "chat" | "embed";
      readonly principal: Principal;
      readonly model: string;
      readonly context: CallContext;
    }
  | {
      readonly action: "use_feature";
      readonly principal: Principal;
      readonly model: string;
      readonly context: FeatureContext;
    }
  | {
      readonly action: "call_tool";
      readonly principal: Principal;
      readonly tool: string;
      /** False for a tool that the catalog does not know: its action is `uncatalogued_tool`. */
      readonly catalogued: boolean;
      readonly context: ActionContext;
    }
  | {
      /** Permitted or denied, and never held. */
      readonly action: "approve";
      readonly principal: Voter;
      readonly resource: AwaitedResource;
      readonly context: ApprovalContext;
    };

/** A question about calling a model. */
export type ModelRequest = Extract<DecisionRequest, { readonly model: string }>;

export function isModelRequest(request: DecisionRequest): request is ModelRequest {
  return "model" in request;
}

export type Outcome = "permit" | "hold" | "deny";

/** How policies rule on a request. */
export interface Verdict {
  readonly outcome: Outcome;
  /** The policies that determined it, by id; empty when nothing permits it. */
  readonly policies: readonly DeterminingPolicy[];
  /** For a hold: the smallest set of sign-offs that would make it a permit, in config order. */
  readonly signOffs: readonly string[];
  /** Set when evaluating failed, which is always a deny. Safe to show: names policies, never values. */
  readonly error: string | null;
  /** Of a deny that nothing but the end of windows can lift: the longest of them. */
  readonly until?: CalendarWindow;
}

export interface Decision extends Verdict {
  /** SHA-256, hex, of all that the decision rests on. */
  readonly revision: string;
  /**
   * What would have been decided if the policies in shadow mode were enforced; null when none of them speaks on the action.
   * For the record only: neither the caller nor anything that enforces may learn of it.
   */
  readonly shadow: Verdict | null;
}

/** Decides. Never throws: what goes wrong inside is a deny with `error`. */
export interface DecisionPoint {
  /** The revision in force now. */
  readonly revision: string;
  /** What the policies in force read of what was used. Requests to call models have to state all of it. */
  readonly counters: readonly CounterUse[];
  /** `given`: names of sign-offs that were given for exactly this. */
  decide(request: DecisionRequest, given?: readonly string[]): Decision;
}
