// `tools`: the catalog of the config, from files alone. What pins a tool's definition is worked out here, so that nobody has to.

import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";
import { Command, Option } from "commander";
import { printable, styled } from "portcullis-verify/report/terminal-text.ts";
import { parseConfig } from "../config/parse-config.ts";
import { pinTool } from "../config/pin-tool.ts";
import { readConfigText } from "../config/read-text.ts";
import type { Config } from "../config/schema.ts";
import { readYaml } from "../config/yaml-document.ts";
import { rewriteFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import { argumentRecord, opaqueMembers } from "../facts/argument-schema.ts";
import { type DefinedTool, definitionsIn } from "../facts/definitions-in-file.ts";
import { isObject } from "../facts/json-shape.ts";
import { toolNameProblem } from "../policy/world.ts";
import { type ConfigOptions, configPath, withConfig } from "./config-command.ts";
import { Finding } from "./finding.ts";
import { print, withExample } from "./gateway-command.ts";
import { readConfig } from "./serve.ts";
import { shownPath } from "./shown-path.ts";
import { table } from "./table.ts";

interface PinOptions extends ConfigOptions {
  readonly from: string;
  readonly effect?: "read" | "write";
  readonly parameters?: boolean;
}

type CatalogEntry = Config["tools"][string];

export function toolsCommands(): Command {
  const tools = withExample(
    new Command("tools").description("the catalog of tools that clients run themselves"),
    "portcullis tools pin get_weather --effect read --from request.json",
  );
  withConfig(
    tools.command("list").description("what the catalog says of each tool, and what is pinned"),
    "portcullis tools list",
  ).action(list);
  withConfig(
    tools
      .command("pin")
      .description("write the digest of a tool's definition into the config; comments stay"),
    "portcullis audit show call_0193… --json | portcullis tools pin get_weather --effect read --from -",
  )
    .argument("<name>", "the tool's name")
    .requiredOption(
      "--from <file>",
      "JSON with the definition: a request, its `tools`, one of them, or `audit show --json`; `-` reads standard input",
    )
    .addOption(
      new Option("--effect <effect>", "what the tool does; default: what the catalog says").choices([
        "read",
        "write",
      ]),
    )
    .option("--parameters", "state its parameters too, so that policies see its arguments")
    .action(pin);
  return tools;
}

async function list(options: ConfigOptions): Promise<void> {
  const { config } = await readConfig(configPath(options));
  const tools = Object.entries(config.tools).map(([name, entry]) => shownTool(name, entry));
  print(options, tools, () =>
    tools.length === 0
      ? "the catalog is empty: every tool is `write`; `portcullis tools pin NAME --from FILE` adds one"
      : table(tools, [
          { title: "name", cell: ({ name }) => name },
          {
            title: "effect",
            cell: ({ effect, counts_as }) =>
              effect === counts_as ? effect : `${effect}, counts as ${counts_as}`,
          },
          { title: "pinned", cell: ({ digest }) => digest?.slice(0, 19).padEnd(20, "…") ?? "no" },
          { title: "arguments", cell: argumentsText },
          { title: "unattended", cell: ({ unattended }) => unattended ?? "-" },
        ]),
  );
}

interface ShownTool {
  readonly name: string;
  readonly effect: "read" | "write";
  /** `write` where a `read` is not pinned. */
  readonly counts_as: "read" | "write";
  readonly digest: string | null;
  readonly unattended: string | null;
  /** Whether policies see the arguments. */
  readonly typed: boolean;
  /** Members that policies cannot look at: a call that gives one is denied. */
  readonly opaque: ReturnType<typeof opaqueMembers>;
}

function shownTool(name: string, { effect, digest, parameters, unattended }: CatalogEntry): ShownTool {
  return {
    name,
    effect,
    counts_as: digest === undefined ? "write" : effect,
    digest: digest ?? null,
    unattended: unattended ?? null,
    typed: parameters !== undefined,
    opaque: parameters === undefined ? [] : opaqueMembers(argumentRecord(parameters)),
  };
}

function argumentsText({ typed, opaque }: Pick<ShownTool, "typed" | "opaque">): string {
  if (!typed) return "not seen by policies";
  return opaque.length === 0 ? "seen" : `seen, save ${opaque.map(({ path }) => path).join(", ")}`;
}

async function pin(name: string, options: PinOptions): Promise<void> {
  const { config, file } = await readConfig(configPath(options));
  const found = await definitionOf(name, options.from);
  const known = Object.hasOwn(config.tools, name) ? config.tools[name] : undefined;
  const effect = options.effect ?? known?.effect;
  if (effect === undefined) {
    throw new OperatorError(
      `the catalog does not know \`${printable(name)}\` yet; say what it does with \`--effect read\` or \`--effect write\``,
    );
  }
  const problem = toolNameProblem(name);
  if (problem !== null) throw new Finding(`${problem.message}; it cannot be in the catalog`);
  // An entry that went on stating other parameters would have drifted from the definition that it is pinned to.
  const isTyped = options.parameters === true || known?.parameters !== undefined;
  if (isTyped && !isObject(found.parameters)) {
    throw new Finding(
      `the definition of \`${printable(name)}\` states no \`parameters\`, which the catalog entry would need`,
    );
  }
  const { digest, parameters } = found;
  const changed = await write(file, name, { effect, digest, ...(isTyped ? { parameters } : {}) });
  const opaque = isTyped && isObject(parameters) ? opaqueMembers(argumentRecord(parameters)) : [];
  print(options, { file, name, effect, digest, typed: isTyped, opaque, changed }, () =>
    [
      `${changed ? "pinned" : "already pinned:"} ${styled("bold", printable(name))} as ${effect} in ${shownPath(file)}`,
      `  digest     ${digest}`,
      `  arguments  ${printable(argumentsText({ typed: isTyped, opaque }))}`,
      ...opaque.map(({ path, what }) => `  denied     calls that give \`${printable(path)}\`: it is ${what}`),
      ...(changed ? ["run `portcullis check`, then start the gateway again or send it SIGHUP"] : []),
    ].join("\n"),
  );
}

/** Throws when the file has none of that name, or several. */
async function definitionOf(name: string, from: string): Promise<DefinedTool> {
  const read = definitionsIn(await bytesOf(from));
  const shown = from === "-" ? "standard input" : `\`${from}\``;
  if (!read.ok) throw new OperatorError(`${shown}: ${read.failure}`);
  const [found, other] = read.value.filter((one) => one.name === name);
  if (found !== undefined && other === undefined) return found;
  const named = `\`${printable(name)}\``;
  if (found !== undefined)
    throw new Finding(`${shown} defines ${named} in several ways; give it the one that is meant`);
  const names = [...new Set(read.value.map((one) => `\`${printable(one.name)}\``))];
  const help =
    names.length === 0
      ? "it defines no tool"
      : `it defines ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", …" : ""}`;
  throw new Finding(`${shown} does not define ${named}; ${help}`);
}

async function bytesOf(from: string): Promise<Buffer> {
  if (from === "-" && process.stdin.isTTY)
    console.error("paste the JSON, then press Ctrl-D on a line of its own");
  try {
    return await buffer(from === "-" ? process.stdin : createReadStream(from));
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(`\`${from}\` cannot be read (${code}); name a file with JSON in it`);
  }
}

/** Whether anything had to be changed. */
async function write(file: string, name: string, pinned: Parameters<typeof pinTool>[2]): Promise<boolean> {
  const before = await readConfigText(file);
  if (!before.ok) throw new OperatorError(`\`${shownPath(file)}\`: ${before.failure}`);
  const { text } = before.value;
  const after = pinTool(text, name, pinned);
  if (!after.ok) throw new Finding(`\`${shownPath(file)}\`: ${after.failure}`);
  if (after.value === text) return false;
  const yaml = readYaml(after.value);
  const loads = yaml.ok ? parseConfig(yaml.value.value) : yaml;
  if (!loads.ok)
    throw new Finding(`\`${shownPath(file)}\` would not load any more: ${loads.failure[0]?.message}`);
  try {
    if (await rewriteFile(file, text, after.value)) return true;
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(
      `\`${shownPath(file)}\` cannot be written (${code}); check its folder's permissions`,
    );
  }
  throw new OperatorError(`\`${shownPath(file)}\` was changed meanwhile; run this again`);
}
