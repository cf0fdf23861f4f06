// The folder map as a check: who may import whom, no cycles, no large files. Types count like values.

import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";

const features = [
  "config",
  "identity",
  "facts",
  "policy",
  "approvals",
  "audit",
  "credentials",
  "providers",
  "usage",
  "telemetry",
  "egress",
  "witness",
];
const maxLines = 300;

/** What a file of each folder may import besides its own folder. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ...Object.fromEntries(features.map((feature) => [feature, ["core"]])),
  gateway: ["core", ...features],
  http: ["core", ...features, "gateway"],
  storage: ["core", ...features],
  wiring: ["core", ...features, "gateway", "http"],
  "compose.ts": ["core", ...features, "gateway", "http", "storage", "wiring"],
  cli: ["core", ...features, "wiring", "compose.ts"],
  "main.ts": ["cli"],
};

/** The verifier stands alone: an auditor reads it without the gateway, so it imports nothing of it. */
const allowedInVerifier: Readonly<Record<string, readonly string[]>> = {
  "result.ts": [],
  "bounded-cache.ts": [],
  log: ["result.ts"],
  leaves: ["result.ts", "log"],
  source: ["result.ts", "log", "leaves"],
  rules: ["result.ts", "bounded-cache.ts", "log", "leaves", "source"],
  report: ["log", "leaves", "rules"],
  cli: ["result.ts", "log", "leaves", "source", "rules", "report"],
};
const packagesOfVerifier = /^(?:node:.*|zod)$/;

export function verifierViolations(root: string): readonly string[] {
  const foreign = [...sources(root)].flatMap(([name, text]) =>
    importsIn(text)
      .filter((from) => !from.startsWith(".") && !packagesOfVerifier.test(from))
      .map((from) => `${name} may not import ${from}`),
  );
  return [...foreign, ...violations(root, allowedInVerifier)];
}

export function architectureViolations(root: string): readonly string[] {
  return violations(root, allowed);
}

function violations(root: string, allowed: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const imports = new Map<string, readonly string[]>();
  const found: string[] = [];
  for (const [name, text] of sources(root)) {
    const lines = text.trimEnd().split("\n").length;
    if (lines > maxLines) found.push(`${name} has ${lines} lines; split it by meaning (at most ${maxLines})`);
    if (/(^|\/)(utils?|helpers?|manager|misc|index)\.ts$/.test(name))
      found.push(`${name} is named for nothing it holds`);
    if (/^export default\b/m.test(text)) found.push(`${name} has a default export`);
    imports.set(name, localImports(name, text));
  }
  for (const [name, targets] of imports) {
    const rule = allowed[folderOf(name)];
    if (rule === undefined) {
      found.push(`${name} lies in no known folder`);
      continue;
    }
    for (const target of targets) {
      const folder = folderOf(target);
      if (folder !== folderOf(name) && !rule.includes(folder)) found.push(`${name} may not import ${target}`);
      if (folderOf(name) === "storage" && features.includes(folder) && !target.endsWith("-store.ts")) {
        found.push(`${name} may not import ${target}: storage knows only interfaces (*-store.ts)`);
      }
    }
  }
  return [...found, ...cycles(imports)];
}

function folderOf(name: string): string {
  return name.split("/")[0] ?? name;
}

/** Of every file that is not a test, its text by its path. */
function* sources(root: string): Generator<readonly [string, string]> {
  for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || /\.test(-support)?\.ts$/.test(file)) continue;
    yield [relative(root, join(root, file)).replaceAll("\\", "/"), readFileSync(join(root, file), "utf8")];
  }
}

/** Static, type-only, re-exporting and dynamic imports; comments do not count. */
function importsIn(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']([^"'\n]+)["']/g;
  return [...code.matchAll(pattern)].map(([, from]) => from ?? "");
}

function localImports(name: string, text: string): readonly string[] {
  const local = importsIn(text).filter((from) => /^\.{1,2}\/.*\.ts$/.test(from));
  return local.map((path) => posix.join(posix.dirname(name), path));
}

function cycles(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) found.push(`cycle: ${[...path.slice(path.indexOf(name)), name].join(" → ")}`);
    if (done.has(name) || path.includes(name)) return;
    for (const target of imports.get(name) ?? []) visit(target, [...path, name]);
    done.add(name);
  };
  for (const name of imports.keys()) visit(name, []);
  return found;
}
