// Reading portcullis.yaml: strict, with every problem at its line.

import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isNode, LineCounter, parseDocument } from "yaml";
import { fail, ok, type Result } from "../core/result.ts";
import { type Config, configSchema } from "./schema.ts";

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
  /** SHA-256 of the file's text, hex. */
  readonly digest: string;
}

const maxBytes = 1024 * 1024;

export async function loadConfig(path: string): Promise<Result<LoadedConfig, readonly ConfigProblem[]>> {
  const file = resolve(path);
  const problem = (message: string, at = "", line: number | null = null): ConfigProblem => ({
    file,
    line,
    path: at,
    message,
  });
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return fail([problem("the file cannot be read; `portcullis init` writes one")]);
  }
  if (text.length > maxBytes) return fail([problem("the file is larger than 1 MiB")]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    return fail(
      errors.map((error) => problem(error.message.split("\n")[0] ?? "", "", error.linePos?.[0].line ?? null)),
    );
  }
  const parsed = configSchema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (!parsed.success) {
    return fail(
      parsed.error.issues.map((issue) => {
        const node = document.getIn(issue.path, true);
        const line = isNode(node) && node.range != null ? lines.linePos(node.range[0]).line : null;
        return problem(issue.message, issue.path.join("."), line);
      }),
    );
  }
  const crossed = crossCheck(parsed.data);
  if (crossed.length > 0) return fail(crossed.map(([at, message]) => problem(message, at)));
  const folder = dirname(file);
  const config = withDefaultSignOff(parsed.data);
  return ok({
    config,
    file,
    dataFolder: resolve(folder, config.data),
    keysFolder: resolve(folder, config.keys),
    policiesFolder: resolve(folder, config.policies.path),
    digest: hash("sha256", text, "hex"),
  });
}

export function formatConfigProblem(problem: ConfigProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}`;
  return `${place}: ${problem.path === "" ? "" : `\`${problem.path}\`: `}${problem.message}`;
}

function withDefaultSignOff(config: Config): Config {
  if (config.sign_offs["default"] !== undefined) return config;
  const standard = {
    approvers: ["group:operators"],
    quorum: 1,
    decide_within: 3_600_000,
    use_within: 900_000,
  };
  return { ...config, sign_offs: { ...config.sign_offs, default: standard } };
}

type Crossed = readonly [path: string, message: string];

function crossCheck(config: Config): readonly Crossed[] {
  return [...checkAliases(config), ...checkApplications(config), ...checkListen(config)];
}

function checkAliases(config: Config): readonly Crossed[] {
  const names = new Set<string>();
  return config.models.flatMap((alias, at): Crossed[] => {
    const found: Crossed[] = names.has(alias.name)
      ? [[`models.${at}.name`, `the alias \`${alias.name}\` stands twice`]]
      : [];
    names.add(alias.name);
    for (const target of alias.targets) {
      const provider = target.slice(0, target.indexOf("/"));
      if (config.providers[provider] === undefined) {
        found.push([
          `models.${at}.targets`,
          `\`${target}\` names the provider \`${provider}\`, which is not configured`,
        ]);
      }
    }
    return found;
  });
}

function checkApplications(config: Config): readonly Crossed[] {
  const names = new Set<string>();
  return config.applications.flatMap((application, at): Crossed[] => {
    const twice = names.has(application.name);
    names.add(application.name);
    return twice ? [[`applications.${at}.name`, `the application \`${application.name}\` stands twice`]] : [];
  });
}

/** Keys travel in clear text without TLS, so beyond loopback something else has to terminate it. */
function checkListen(config: Config): readonly Crossed[] {
  const host = config.server.listen.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const loopback = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (loopback || config.server.trusted_proxies.length > 0) return [];
  return [
    [
      "server.listen",
      "beyond loopback a TLS-terminating proxy is needed; name it in `server.trusted_proxies`",
    ],
  ];
}
