// The approval desk, with the config, the policies and the trail that it goes by.

import type { Logger } from "pino";
import type { Approval } from "../approvals/approval.ts";
import type { ApprovalStore } from "../approvals/approval-store.ts";
import { ApprovalDesk } from "../approvals/desk.ts";
import { Holds } from "../approvals/holds.ts";
import type { ApprovalRules, DeskFaults, Ruling, Vault, VoteFacts, Voter } from "../approvals/ports.ts";
import type { DataKeys } from "../audit/data-keys.ts";
import { LogUnavailableError } from "../audit/log-store.ts";
import type { Subjects } from "../audit/subjects.ts";
import type { Trail } from "../audit/trail.ts";
import { maxClockBehindMs } from "../audit/trail-clock.ts";
import { groupsOf, isApprover } from "../config/approvers.ts";
import type { Config } from "../config/schema.ts";
import { personName } from "../core/person-name.ts";
import { fail, ok } from "../core/result.ts";
import type { RootKey } from "../credentials/root-key.ts";
import { describeAction } from "../facts/proposed-actions.ts";
import type { Holding } from "../gateway/held/holding.ts";
import { actionOf, heldQuestion } from "../gateway/held/recheck.ts";
import type { GatewayParts } from "../gateway/parts.ts";
import { actionRequest } from "../gateway/steps/decide-actions.ts";
import type { ApiKeys } from "../identity/api-keys.ts";
import type { Decision } from "../policy/decision.ts";
import { approvalEntries } from "./approval-entries.ts";

export interface ApprovalParts {
  readonly store: ApprovalStore;
  readonly trail: Trail;
  readonly subjects: Subjects;
  readonly dataKeys: DataKeys;
  readonly rootKey: RootKey;
  readonly instance: string;
  /** As they are in force when they are asked for. */
  readonly config: () => Config;
  readonly gateway: () => GatewayParts;
  readonly mayVote: ApprovalRules["mayVote"];
  readonly stands: ApprovalRules["stands"];
  readonly hasEnded: (instance: string) => Promise<boolean>;
  readonly faults: DeskFaults;
}

export function openApprovals(parts: ApprovalParts): ApprovalDesk {
  const { store, trail, subjects, rootKey, faults } = parts;
  const holds = new Holds({
    store,
    macKey: rootKey.derive("portcullis/hold-mac/v1"),
    vault: vaultOf(parts.dataKeys),
    faults,
  });
  return new ApprovalDesk({
    holds,
    entries: approvalEntries(trail, subjects),
    rules: approvalRules(parts),
    fingerprintKey: rootKey.derive("portcullis/approval-fingerprint/v1"),
    instance: parts.instance,
    hasEnded: parts.hasEnded,
    nameOf: async (operator) => (await subjects.nameOf(operator))?.name ?? null,
    record: (entries) => trail.append(entries),
    faults,
  });
}

function vaultOf(dataKeys: DataKeys): Vault {
  const placeOf = (subject: string, parts: readonly string[]) => ({
    label: "portcullis/approval/v1",
    parts: [subject, ...parts],
  });
  return {
    seal: async (subject, place, bytes) => {
      const key = await dataKeys.of(subject);
      if (key === null)
        throw new Error(`the subject ${subject} was erased while something of it was to be held`);
      return key.seal(placeOf(subject, place), bytes);
    },
    open: async (subject, place, sealed) =>
      (await dataKeys.of(subject))?.unseal(placeOf(subject, place), sealed) ?? null,
  };
}

function approvalRules({ store, config, gateway, mayVote, stands }: ApprovalParts): ApprovalRules {
  return {
    get caps() {
      const { application, user } = config().approvals.max_pending;
      return { perApplication: application, perUser: user };
    },
    get keepDecidedMs() {
      return config().approvals.keep_decided;
    },
    terms: (signOff) => {
      const { sign_offs: signOffs } = config();
      const declared = Object.hasOwn(signOffs, signOff) ? signOffs[signOff] : undefined;
      if (declared === undefined) return null;
      const { quorum, decide_within: decideWithinMs, use_within: useWithinMs } = declared;
      return { quorum, decideWithinMs, useWithinMs };
    },
    isApprover: (signOff, operator) => isApprover(config(), signOff, operator),
    mayVote: async (voter) => (await clockAhead(store, gateway())) ?? mayVote(voter),
    stands,
    mayApprove: (voter, approval, signOff, facts) =>
      decideVote(config(), gateway(), voter, approval, signOff, facts),
    describeEdit: (approval, question, bytes) => {
      const now = gateway();
      const { kind, facts } = heldQuestion(question);
      const action = actionOf(approval, bytes, kind);
      const described = describeAction(action, now.catalog.argumentTypes.get(action.tool) ?? null);
      if (!described.ok) return fail(described.failure.detail);
      const digest = approval.tool_digest;
      const offered =
        digest === null ? undefined : { kind: "function" as const, digest: () => digest, parameters: null };
      const classification = now.catalog.classify(action.tool, offered);
      const call = {
        application: { name: approval.application },
        facts: { ...facts, time: now.clock.now() },
      };
      const decision = now.policy.decide(actionRequest(call, action.tool, classification, described.value));
      return ok({ ruling: rulingOf(decision), question, labels: described.value.labels });
    },
  };
}

/**
 * An approval expires by the store's clock and a vote is stamped by the gateway's: where that one is far ahead, a vote in
 * time would read on the trail as one that came too late.
 */
async function clockAhead(
  store: Pick<ApprovalStore, "now">,
  { clock }: Pick<GatewayParts, "clock">,
): Promise<string | null> {
  const aheadMs = clock.now() - (await store.now());
  if (aheadMs <= maxClockBehindMs) return null;
  return `the gateway's clock is ${Math.round(aheadMs / 1000)} s ahead of the data store's, so that no vote can be recorded as one in time; set both right`;
}

function decideVote(
  config: Config,
  { policy, clock }: GatewayParts,
  voter: Voter,
  approval: Approval,
  signOff: string,
  facts: VoteFacts,
): Ruling {
  const { tool, target, effect } = approval;
  return rulingOf(
    policy.decide({
      action: "approve",
      principal: { user: personName(voter.name), groups: groupsOf(config, voter.name) },
      resource: tool === null ? { model: target ?? "" } : { tool },
      context: {
        sign_off: signOff,
        // However a client or the config writes it, a person is the same person.
        requesters: facts.requesters.map(personName),
        editors: facts.editors.map(personName),
        bootstrap: voter.method === "bootstrap",
        application: approval.application,
        ...(tool === null || effect === null ? {} : { source: "client", effect }),
        labels: approval.labels,
        source_address: voter.sourceAddress,
        time: clock.now(),
      },
    }),
  );
}

function rulingOf({ outcome, policies, signOffs, revision, error }: Decision): Ruling {
  return { outcome, policies, signOffs, revision, detail: error };
}

export interface HoldingParts {
  readonly desk: ApprovalDesk;
  readonly rootKey: RootKey;
  readonly keys: Pick<ApiKeys, "valid">;
  readonly subjects: Pick<Subjects, "nameOf">;
  readonly config: () => Config;
  readonly gateway: () => GatewayParts;
  /** Where this gateway is reached, in case the config does not say. */
  readonly url: () => string;
  /** Whether it is known here whose keys and whose votes others have ended. */
  readonly current: () => boolean;
}

export function holdingOf(parts: HoldingParts): Holding {
  const { desk, rootKey, keys, subjects, config, gateway, url, current } = parts;
  return {
    desk,
    markerKey: rootKey.derive("portcullis/resume-marker/v1"),
    link: (approval) => `${config().server.public_url ?? url()}/approvals/${approval}`,
    operatorName: async (id) => (await subjects.nameOf(id))?.name ?? null,
    behind: (application, keyId) => {
      const owner = config().applications.find(({ name }) => name === application)?.owner ?? "";
      const creator = keyId === null ? null : (keys.valid(keyId)?.createdBy ?? null);
      return { names: owner === "" ? [] : [owner], keyCreator: creator };
    },
    stands: (application, keyId) => {
      // A call that came while all was known may wait for longer; its retry finds what waits.
      if (!current()) throw new LogUnavailableError("it is not known which keys and votes others have ended");
      return gateway().applications.has(application) && (keyId === null || keys.valid(keyId) !== null);
    },
  };
}

export function approvalFaults(log: Logger): DeskFaults {
  return {
    damaged: ({ id }, what) =>
      log.error({ hold: id, what }, "a hold cannot be used; nothing of it is released"),
    failed: (what, fault) => log.error({ fault: String(fault) }, what),
  };
}
