// `secrets`: values that the config refers to as `secret://NAME`.

import { text } from "node:stream/consumers";
import { Command } from "commander";
import { OperatorError } from "../core/operator-error.ts";
import { adminClient, print, rows, table } from "./admin-client.ts";

interface Options {
  readonly dir: string;
  readonly json?: boolean;
}

export function secretsCommands(): Command {
  const secrets = new Command("secrets").description("values that the config refers to as secret://NAME");
  const add = (name: string, description: string): Command =>
    secrets
      .command(name)
      .description(description)
      .option("--dir <dir>", "the gateway's folder", ".")
      .option("--json", "print JSON");
  add("list", "names and versions, never values").action(async (options: Options) => {
    const list = rows(await adminClient(options.dir).get("/secrets"), "secrets");
    print(options.json === true, list, () => table(list, ["name", "version", "created"]));
  });
  add("set", "a new version; the value is read from standard input")
    .argument("<name>")
    .addHelpText("after", "\nExample:\n  portcullis secrets set providers/openai < key.txt")
    .action(async (name: string, options: Options) => {
      if (process.stdin.isTTY) console.error("paste the value, then press Ctrl-D on a line of its own");
      const value = (await text(process.stdin)).trim();
      if (value === "") throw new OperatorError("the value is empty; send it on standard input");
      const set = await adminClient(options.dir).send("PUT", `/secrets/${name}`, { value });
      print(options.json === true, set, () => `set ${name}`);
    });
  add("destroy", "every version, for good")
    .argument("<name>")
    .addHelpText("after", "\nExample:\n  portcullis secrets destroy providers/openai")
    .action(async (name: string, options: Options) => {
      await adminClient(options.dir).send("DELETE", `/secrets/${name}`);
      print(options.json === true, { name, destroyed: true }, () => `destroyed ${name}`);
    });
  return secrets;
}
