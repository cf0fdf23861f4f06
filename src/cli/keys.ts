// `keys`: API keys of applications.

import { Command } from "commander";
import { adminClient, print, rows, table } from "./admin-client.ts";

interface Options {
  readonly dir: string;
  readonly json?: boolean;
}

export function keysCommands(): Command {
  const keys = new Command("keys").description("API keys of applications");
  const add = (name: string, description: string): Command =>
    keys
      .command(name)
      .description(description)
      .option("--dir <dir>", "the gateway's folder", ".")
      .option("--json", "print JSON");
  add("list", "all keys, the ended ones too").action(async (options: Options) => {
    const answer = await adminClient(options.dir).get("/keys");
    const list = rows(answer, "keys");
    print(options.json === true, list, () =>
      table(list, ["id", "application", "hint", "created", "expires", "revoked"]),
    );
  });
  add("create", "a new key, shown once")
    .requiredOption("--application <name>", "an application of the config")
    .addHelpText("after", "\nExample:\n  portcullis keys create --application assistant")
    .action(async (options: Options & { application: string }) => {
      const made = await adminClient(options.dir).send("POST", "/keys", { application: options.application });
      print(options.json === true, made, () => newKey(made));
    });
  add("rotate", "a successor; the old key stays valid for 24 hours")
    .argument("<id>")
    .addHelpText("after", "\nExample:\n  portcullis keys rotate key_0193…")
    .action(async (id: string, options: Options) => {
      const made = await adminClient(options.dir).send("POST", `/keys/${encodeURIComponent(id)}/rotate`);
      print(options.json === true, made, () => `${newKey(made)}\nThe old key ends in 24 hours.`);
    });
  add("revoke", "end a key now")
    .argument("<id>")
    .addHelpText("after", "\nExample:\n  portcullis keys revoke key_0193…")
    .action(async (id: string, options: Options) => {
      await adminClient(options.dir).send("POST", `/keys/${encodeURIComponent(id)}/revoke`);
      print(options.json === true, { id, revoked: true }, () => `revoked ${id}`);
    });
  return keys;
}

function newKey(made: unknown): string {
  if (typeof made !== "object" || made === null || !("key" in made) || !("id" in made)) return "";
  return `${String(made.id)}\n${String(made.key)}\nThis key is shown once; only its hash is kept.`;
}
