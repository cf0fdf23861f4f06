// `secrets`: values that the config refers to as `secret://NAME`.

import { text } from "node:stream/consumers";
import { Command } from "commander";
import { OperatorError } from "../core/operator-error.ts";
import { adminClient } from "./admin-client.ts";
import { type GatewayOptions, gatewayCommand, print, withExample } from "./gateway-command.ts";
import { table } from "./table.ts";

export function secretsCommands(): Command {
  const secrets = withExample(
    new Command("secrets").description("values that the config refers to as secret://NAME"),
    "portcullis secrets set providers/openai < key.txt",
  );
  gatewayCommand(secrets, "list", "names and versions, never values", "portcullis secrets list").action(list);
  gatewayCommand(
    secrets,
    "set",
    "a new version; the value is read from standard input",
    "portcullis secrets set providers/openai < key.txt",
  )
    .argument("<name>", "for example `providers/openai`")
    .action(set);
  gatewayCommand(secrets, "destroy", "every version, for good", "portcullis secrets destroy providers/openai")
    .argument("<name>", "for example `providers/openai`")
    .action(destroy);
  return secrets;
}

async function list(options: GatewayOptions): Promise<void> {
  const secrets = await adminClient(options.dir).pages("/secrets", "secrets");
  print(options, secrets, () =>
    secrets.length === 0
      ? "there are no secrets yet; `portcullis secrets set NAME < FILE` sets one"
      : table(secrets, [
          { title: "name", cell: (secret) => String(secret["name"]) },
          { title: "version", right: true, cell: (secret) => String(secret["version"]) },
          { title: "created", cell: (secret) => String(secret["created"]) },
        ]),
  );
}

async function set(name: string, options: GatewayOptions): Promise<void> {
  const client = adminClient(options.dir);
  if (process.stdin.isTTY) console.error("paste the value, then press Ctrl-D on a line of its own");
  const value = (await text(process.stdin)).trim();
  if (value === "") throw new OperatorError("the value is empty; send it on standard input");
  const made = await client.send("PUT", pathOf(name), { value });
  print(options, made, () => `set ${name}, version ${String(made["version"])}`);
}

async function destroy(name: string, options: GatewayOptions): Promise<void> {
  const { name: destroyed } = await adminClient(options.dir).send("DELETE", pathOf(name));
  print(options, { name: destroyed, destroyed: true }, () => `destroyed ${name}`);
}

function pathOf(name: string): string {
  return `/secrets/${encodeURIComponent(name)}`;
}
