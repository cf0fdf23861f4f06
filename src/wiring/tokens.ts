// Whoever shows a token: API keys of applications, tokens of operators, and what the gateway's own token is good for.

import { join } from "node:path";
import type { Logger } from "pino";
import type { Subjects } from "../audit/subjects.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../core/clock.ts";
import type { RootKey } from "../credentials/root-key.ts";
import { ApiKeys, type KnownApplications } from "../identity/api-keys.ts";
import { BootstrapVote } from "../identity/bootstrap-vote.ts";
import { openKeyGuard } from "../identity/key-guard.ts";
import type { KeyStore } from "../identity/key-store.ts";
import { openOperatorGuard } from "../identity/operator-guard.ts";
import type { OperatorStore } from "../identity/operator-store.ts";
import { Operators } from "../identity/operators.ts";
import type { TrailEvents } from "./trail-events.ts";
import { type Voters, voters } from "./voters.ts";

export interface TokensPlace {
  readonly storage: { readonly keys: KeyStore; readonly operators: OperatorStore };
  readonly subjects: Pick<Subjects, "operatorId" | "nameOf">;
  readonly events: Pick<TrailEvents, "keys" | "operators">;
  readonly rootKey: Pick<RootKey, "derive">;
  readonly keysFolder: string;
  /** As it is in force when it is asked for. */
  readonly config: () => Pick<Config, "groups" | "sign_offs">;
  readonly log: Pick<Logger, "error">;
}

export interface KnownOperators {
  readonly operators: Operators;
  readonly bootstrapVote: BootstrapVote;
  readonly voters: Voters;
  /** Others may have changed them. */
  refresh(): Promise<void>;
}

const now = (): number => systemClock.now();

/** Throws `OperatorError` when what lies beside the keys cannot be read, here and below. */
export async function openApiKeys(place: TokensPlace, applications: KnownApplications): Promise<ApiKeys> {
  const { storage, events, rootKey, keysFolder, log } = place;
  return ApiKeys.open(storage.keys, events.keys, applications, now, {
    guard: await openKeyGuard(
      rootKey.derive("portcullis/api-key-mac/v1"),
      join(keysFolder, "api-key-ends.json"),
    ),
    onDamaged: ({ id }) =>
      log.error({ key: id }, "the row of an API key was changed in the data store; it opens nothing"),
  });
}

export async function openOperators(place: TokensPlace): Promise<KnownOperators> {
  const { storage, subjects, events, rootKey, keysFolder, config, log } = place;
  const guard = await openOperatorGuard(
    rootKey.derive("portcullis/operator-token-mac/v1"),
    join(keysFolder, "operator-token-ends.json"),
  );
  const bootstrapVote = await BootstrapVote.open(storage.operators, join(keysFolder, "bootstrap-vote-ended"));
  const operators = await Operators.open({
    store: storage.operators,
    names: { idOf: (name) => subjects.operatorId(name), nameOf: (id) => operatorName(subjects, id) },
    events: events.operators,
    protection: {
      guard,
      onDamaged: ({ id }) =>
        log.error(
          { token: id },
          "the row of an operator's token was changed in the data store; it opens nothing",
        ),
    },
    now,
  });
  return {
    operators,
    bootstrapVote,
    voters: voters(operators, bootstrapVote, config),
    refresh: async () => {
      await operators.refresh();
      await bootstrapVote.endedBy();
    },
  };
}

async function operatorName(subjects: Pick<Subjects, "nameOf">, id: string): Promise<string | null> {
  const subject = await subjects.nameOf(id);
  return subject?.kind === "operator" ? subject.name : null;
}
