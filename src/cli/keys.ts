// `keys`: API keys of applications.

import { Command } from "commander";
import { adminClient, type Row } from "./admin-client.ts";
import { type GatewayOptions, gatewayCommand, print, withExample } from "./gateway-command.ts";
import { table } from "./table.ts";

export function keysCommands(): Command {
  const keys = withExample(
    new Command("keys").description("API keys of applications"),
    "portcullis keys create --application assistant",
  );
  gatewayCommand(keys, "list", "all keys, the ended ones too", "portcullis keys list").action(list);
  gatewayCommand(
    keys,
    "create",
    "a new key, shown once",
    "portcullis keys create --application assistant --json",
  )
    .requiredOption("--application <name>", "an application of the config")
    .action(create);
  gatewayCommand(
    keys,
    "rotate",
    "a successor; the old key stays valid for 24 hours",
    "portcullis keys rotate key_0193…",
  )
    .argument("<id>", "the key's id, as `keys list` shows it")
    .action(rotate);
  gatewayCommand(keys, "revoke", "end a key now", "portcullis keys revoke key_0193…")
    .argument("<id>", "the key's id, as `keys list` shows it")
    .action(revoke);
  return keys;
}

async function list(options: GatewayOptions): Promise<void> {
  const keys = await adminClient(options.dir).pages("/keys", "keys");
  print(options, keys, () =>
    keys.length === 0
      ? "there are no keys yet; `portcullis keys create --application NAME` makes one"
      : table(keys, [
          ...["id", "application", "hint", "state", "created"].map((title) => ({
            title,
            cell: (key: Row) => String(key[title]),
          })),
          { title: "ends", cell: (key) => String(key["revoked"] ?? key["expires"] ?? "-") },
        ]),
  );
}

async function create(options: GatewayOptions & { readonly application: string }): Promise<void> {
  const { application } = options;
  const made = await adminClient(options.dir).send("POST", "/keys", { application });
  print(options, made, () => newKey(made));
}

async function rotate(id: string, options: GatewayOptions): Promise<void> {
  const made = await adminClient(options.dir).send("POST", `/keys/${encodeURIComponent(id)}/rotate`);
  print(options, made, () => `${newKey(made)}\nthe old key stays valid until ${endOfOld(made)}`);
}

async function revoke(id: string, options: GatewayOptions): Promise<void> {
  const revoked = await adminClient(options.dir).send("POST", `/keys/${encodeURIComponent(id)}/revoke`);
  print(options, revoked, () => `revoked ${id}`);
}

function newKey(made: Row): string {
  return `${String(made["id"])}\n${String(made["key"])}\nthis key is shown once; only its hash is kept`;
}

function endOfOld({ replaces }: Row): string {
  return typeof replaces === "object" && replaces !== null && "expires" in replaces
    ? String(replaces.expires)
    : "it is revoked";
}
