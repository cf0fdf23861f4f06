// `policy fmt`: every policy file in one layout, or with `--check` whether it is.

import { join } from "node:path";
import { Command } from "commander";
import { printable } from "portcullis-verify/report/terminal-text.ts";
import { rewriteFile } from "../core/durable-file.ts";
import { OperatorError } from "../core/operator-error.ts";
import { formatPolicyFile } from "../policy/format-policies.ts";
import { type PolicyFile, readPolicyFolder } from "../policy/policy-source.ts";
import { formatProblem, type PolicyProblem } from "../policy/problem.ts";
import { type ConfigOptions, configPath, withConfig } from "./config-command.ts";
import { Finding } from "./finding.ts";
import { print } from "./gateway-command.ts";
import { readConfig } from "./serve.ts";
import { shownPath } from "./shown-path.ts";

interface FmtOptions extends ConfigOptions {
  readonly check?: boolean;
}

interface FormattedFile {
  readonly file: string;
  /** `changed` with `--check`: it would change. */
  readonly state: "formatted" | "changed" | "refused";
  /** Why it stays as it is. */
  readonly problems: readonly PolicyProblem[];
}

export function policyFmtCommand(): Command {
  return withConfig(
    new Command("fmt").description("format the policy files; comments are kept"),
    "portcullis policy fmt --check",
  )
    .option("--check", "change nothing, and fail when something would change")
    .action(format);
}

async function format(options: FmtOptions): Promise<void> {
  const { policiesFolder } = await readConfig(configPath(options));
  const read = await readPolicyFolder(policiesFolder);
  if (!read.ok) throw new OperatorError(read.failure.map(formatProblem).join("\n"));
  const files: FormattedFile[] = [];
  for (const file of read.value) files.push(await formatted(policiesFolder, file, options.check === true));
  print(options, { folder: policiesFolder, files }, () => fmtText(files, options.check === true));
  const bad = files.some(
    ({ state }) => state === "refused" || (state === "changed" && options.check === true),
  );
  if (bad) throw new Finding("");
}

async function formatted(folder: string, file: PolicyFile, checkOnly: boolean): Promise<FormattedFile> {
  const path = join(folder, file.name);
  const shown = { file: shownPath(path), problems: [] };
  const result = formatPolicyFile(file);
  if (!result.ok) return { ...shown, state: "refused", problems: result.failure };
  if (result.value === file.text) return { ...shown, state: "formatted" };
  if (!checkOnly) await write(path, file.text, result.value);
  return { ...shown, state: "changed" };
}

async function write(path: string, before: string, after: string): Promise<void> {
  try {
    if (await rewriteFile(path, before, after)) return;
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(
      `\`${shownPath(path)}\` cannot be written (${code}); check its folder's permissions`,
    );
  }
  throw new OperatorError(`\`${shownPath(path)}\` was changed meanwhile; run this again`);
}

function fmtText(files: readonly FormattedFile[], checkOnly: boolean): string {
  const changed = files.filter(({ state }) => state === "changed");
  const refused = files.filter(({ state }) => state === "refused");
  const verb = checkOnly ? "would change" : "formatted";
  return [
    ...changed.map(({ file }) => `${verb} ${printable(file)}`),
    ...refused.map(({ problems }) => problems.map(formatProblem).join("\n")),
    `${files.length} ${files.length === 1 ? "file" : "files"}: ${changed.length} ${verb}, ${refused.length} left as they are`,
  ].join("\n");
}
