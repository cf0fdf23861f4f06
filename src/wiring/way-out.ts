// What the gateway needs to reach others, and the witnesses that it asks before it signs anything: open before the trail is.

import type { Logger } from "pino";
import type { LogStore } from "../audit/log-store.ts";
import type { Witnessing } from "../audit/witnessing/witnessing.ts";
import type { LoadedConfig } from "../config/load.ts";
import { EmbeddedSecretStore, type SecretEvents } from "../credentials/embedded-secret-store.ts";
import type { KeyEncryptionKey } from "../credentials/kek.ts";
import type { SealedSecretStore } from "../credentials/sealed-secret-store.ts";
import type { Egress } from "../egress/egress.ts";
import type { Closing } from "./closing.ts";
import { openEgress, unusedProxyVariables } from "./egress.ts";
import { openWitnesses } from "./witnesses.ts";

export interface WayOutPlace {
  readonly loaded: LoadedConfig;
  readonly storage: { readonly log: LogStore; readonly secrets: SealedSecretStore };
  readonly kek: KeyEncryptionKey;
  /** Of secrets that are changed, which none is before the trail is open. */
  readonly events: () => SecretEvents;
  readonly now: () => number;
  readonly closing: Closing;
  readonly log: Logger;
}

export interface WayOut {
  readonly secrets: EmbeddedSecretStore;
  readonly egress: Egress;
  readonly witnesses: Witnessing | null;
}

/** Throws `OperatorError` for what the config names and cannot be used. */
export async function openWayOut(place: WayOutPlace): Promise<WayOut> {
  const { loaded, storage, kek, events, now, closing, log } = place;
  const secrets = new EmbeddedSecretStore(storage.secrets, kek, laterEvents(events), now);
  const egress = await openEgress(loaded, secrets);
  for (const name of unusedProxyVariables(loaded, process.env))
    log.warn(`${name} is set and does not count; name the proxy in \`egress.proxy\``);
  const witnesses = await openWitnesses({ loaded, store: storage.log, egress, log });
  closing.add("witnesses", async () => witnesses?.close());
  return { secrets, egress, witnesses };
}

function laterEvents(events: () => SecretEvents): SecretEvents {
  return {
    actorId: (name) => events().actorId(name),
    set: (...of) => events().set(...of),
    destroyed: (...of) => events().destroyed(...of),
  };
}
