// Reading portcullis.yaml: strict, with every problem at its line.

import { dirname, resolve } from "node:path";
import { fail, ok, type Result } from "../core/result.ts";
import type { ConfigFinding } from "./config-finding.ts";
import { crossCheck } from "./cross-check.ts";
import { checkFolders } from "./folders.ts";
import { exposureFault, listenFault } from "./listen.ts";
import { parseConfig } from "./parse-config.ts";
import { printable } from "./printable.ts";
import { readConfigText } from "./read-text.ts";
import type { Config } from "./schema.ts";
import { readYaml, type YamlDocument } from "./yaml-document.ts";

export interface ConfigProblem {
  readonly file: string;
  /** From 1; null when the problem has no place. */
  readonly line: number | null;
  readonly path: string;
  readonly message: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  readonly dataFolder: string;
  readonly keysFolder: string;
  readonly policiesFolder: string;
  /** The folder that paths in the file are relative to. */
  readonly folder: string;
  /** SHA-256 of the file's bytes, hex. */
  readonly digest: string;
  /** The file's data as it was written, without defaults. */
  readonly written: unknown;
}

/** A list that goes on tells no more than its beginning. */
const maxProblems = 50;

/** Reads the file and changes nothing. What is wrong with it is a value; only a bug throws. */
export async function loadConfig(path: string): Promise<Result<LoadedConfig, readonly ConfigProblem[]>> {
  const file = resolve(path);
  const read = await readConfigText(file);
  if (!read.ok) return fail([{ file, line: null, path: "", message: read.failure }]);
  const yaml = readYaml(read.value.text);
  if (!yaml.ok) return fail(problems(file, yaml.failure));
  const found = (findings: readonly ConfigFinding[]) =>
    fail(
      problems(
        file,
        findings.map((finding) => ({ ...finding, line: lineOf(yaml.value, finding) })),
      ),
    );
  // A file that is being written is empty for a moment, and would be a gateway without applications or rules.
  if (yaml.value.value === null) return found([{ path: [], message: emptyFile }]);
  const parsed = parseConfig(yaml.value.value);
  if (!parsed.ok) return found(parsed.failure);
  const config = withDefaultSignOff(parsed.value);
  const folder = dirname(file);
  const folders = {
    dataFolder: resolve(folder, config.data),
    keysFolder: resolve(folder, config.keys),
    policiesFolder: resolve(folder, config.policies.path),
  };
  const crossed = [
    ...crossCheck(parsed.value),
    ...(await checkFolders(folders, placeOfKeys(yaml.value.value))),
  ];
  if (crossed.length > 0) return found(crossed);
  return ok({ config, file, folder, ...folders, digest: read.value.digest, written: yaml.value.value });
}

/** The same config on another address, as `--listen` asks for; held to what the file is held to. */
export function listenElsewhere(
  loaded: LoadedConfig,
  listen: string,
): Result<LoadedConfig, readonly ConfigProblem[]> {
  const { config, file } = loaded;
  const message = listenFault(listen) ?? exposureFault(listen, config.server);
  if (message !== null) return fail([{ file, line: null, path: "--listen", message }]);
  return ok({ ...loaded, config: { ...config, server: { ...config.server, listen } } });
}

export function formatConfigProblem(problem: ConfigProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}`;
  return `${place}: ${problem.path === "" ? "" : `\`${problem.path}\`: `}${problem.message}`;
}

const emptyFile =
  "the file is empty; `portcullis init` writes a starter config where there is none, and `{}` stands for all defaults";

function lineOf(yaml: YamlDocument, { path }: ConfigFinding): number | null {
  return yaml.lineOf(path);
}

/** Where `keys` is left out, what made its default wrong is `data`. */
function placeOfKeys(written: unknown): "data" | "keys" {
  return typeof written === "object" && written !== null && "keys" in written ? "keys" : "data";
}

/** In the order of the file, whoever found them. */
function problems(
  file: string,
  found: readonly (ConfigFinding & { readonly line: number | null })[],
): readonly ConfigProblem[] {
  const sorted = found.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));
  const shown = sorted.slice(0, maxProblems).map(({ line, path, message }) => ({
    file,
    line,
    path: path.map((step) => printable(String(step))).join("."),
    message,
  }));
  const left = sorted.length - shown.length;
  return left === 0
    ? shown
    : [...shown, { file, line: null, path: "", message: `${left} more problems; mend these first` }];
}

function withDefaultSignOff(config: Config): Config {
  if (Object.hasOwn(config.sign_offs, "default")) return config;
  const standard = {
    approvers: ["group:operators"],
    quorum: 1,
    decide_within: 3_600_000,
    use_within: 900_000,
  };
  return { ...config, sign_offs: { ...config.sign_offs, default: standard } };
}
