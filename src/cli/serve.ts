// `init`, `up` and `serve`: making a folder's config and running its gateway.

import { resolve } from "node:path";
import { isatty } from "node:tty";
import { Command } from "commander";
import pino from "pino";
import { type Gateway, openGateway } from "../compose.ts";
import {
  type ConfigProblem,
  formatConfigProblem,
  type LoadedConfig,
  listenElsewhere,
  loadConfig,
} from "../config/load.ts";
import { writeStarter } from "../config/starter.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { Result } from "../core/result.ts";
import { version } from "./version.ts";

const starterPolicies = resolve(import.meta.dirname, "../../policies");

export function gatewayCommands(): readonly Command[] {
  return [
    new Command("init")
      .description("write a starter config and policies; never overwrites")
      .argument("[dir]", "folder", ".")
      .addHelpText("after", "\nExample:\n  portcullis init ./gateway")
      .action(async (dir: string) => {
        const made = await writeStarter(resolve(dir), starterPolicies);
        console.log(made.length === 0 ? "everything is there already" : `made ${made.join(", ")}`);
      }),
    new Command("up")
      .description("make what is missing, then run the gateway")
      .option("--dir <dir>", "folder of config, policies, keys and data", ".")
      .option("--listen <host:port>", "listen there instead of `server.listen`")
      .addHelpText("after", "\nExample:\n  portcullis up --dir ./gateway --listen 127.0.0.1:8787")
      .action(async (options: { dir: string; listen?: string }) => {
        const folder = resolve(options.dir);
        await writeStarter(folder, starterPolicies);
        await serve(resolve(folder, "portcullis.yaml"), options.listen, true);
      }),
    new Command("serve")
      .description("run the gateway of an existing config")
      .option("--config <file>", "the config", "portcullis.yaml")
      .option("--listen <host:port>", "listen there instead of `server.listen`")
      .addHelpText("after", "\nExample:\n  portcullis serve --config /etc/portcullis/portcullis.yaml")
      .action((options: { config: string; listen?: string }) => serve(options.config, options.listen, false)),
  ];
}

export async function readConfig(path: string): Promise<LoadedConfig> {
  return usable(await loadConfig(path));
}

function usable(loaded: Result<LoadedConfig, readonly ConfigProblem[]>): LoadedConfig {
  if (loaded.ok) return loaded.value;
  throw new OperatorError(
    `the config cannot be used:\n${loaded.failure.map(formatConfigProblem).join("\n")}`,
  );
}

async function serve(path: string, listen: string | undefined, greet: boolean): Promise<void> {
  const loaded = usable(await configOn(path, listen));
  // Logs go to stderr: stdout is for people.
  const log = pino({ level: loaded.config.log.level, base: null }, pino.destination({ fd: 2, sync: true }));
  const hadTerminal = isatty(2);
  const stop = stopped();
  const gateway = await openGateway(loaded, version, log);
  process.on("SIGHUP", () => {
    // The signal also says that a terminal has gone, and with it whoever was looking.
    if (hadTerminal && !isatty(2)) process.kill(process.pid, "SIGTERM");
    else void reload(gateway, path, listen, log);
  });
  if (greet) await welcome(gateway, loaded);
  log.info({ url: gateway.operator.url, version }, "listening");
  await stop;
  log.info("draining");
  await gateway.close();
  log.info("stopped");
}

/** Never rejects: a config that cannot be used leaves the running one. */
async function reload(
  gateway: Gateway,
  path: string,
  listen: string | undefined,
  log: pino.Logger,
): Promise<void> {
  const loaded = await configOn(path, listen);
  if (loaded.ok) return gateway.reload(loaded.value);
  const problems = loaded.failure.map(formatConfigProblem);
  log.error({ problems }, "the changed config cannot be used; the old one stays in force");
}

/** What holds of the address in the file holds of the one that `--listen` puts in its place. */
async function configOn(path: string, listen: string | undefined): ReturnType<typeof loadConfig> {
  const loaded = await loadConfig(path);
  return loaded.ok && listen !== undefined ? listenElsewhere(loaded.value, listen) : loaded;
}

/** Resolves with the first signal that ends the process. */
export function stopped(): Promise<void> {
  return new Promise((resolved) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolved());
  });
}

/** The first start makes a key and shows it once; later ones show no secret. */
async function welcome(gateway: Gateway, loaded: LoadedConfig): Promise<void> {
  const { url } = gateway.operator;
  console.log(`Portcullis ${version} at ${url}`);
  const [application] = loaded.config.applications;
  if ((await gateway.keys.list()).length > 0 || application === undefined) {
    console.log(
      "Keys: `portcullis keys create --application NAME` makes one, `portcullis keys list` shows them.",
    );
    return;
  }
  const made = await gateway.keys.create(application.name, gateway.operator.operator);
  if (!made.ok) return;
  console.log(`
API key of application ${application.name} (shown once):
  ${made.value.key}

Try it:
  curl ${url}/v1/chat/completions \\
    -H "Authorization: Bearer ${made.value.key}" -H "Content-Type: application/json" \\
    -d '{"model":"fast","messages":[{"role":"user","content":"Hello"}]}'

  import OpenAI from "openai";
  const client = new OpenAI({ baseURL: "${url}/v1", apiKey: "${made.value.key}" });
  await client.chat.completions.create({ model: "fast", messages: [{ role: "user", content: "Hello" }] });
`);
}
