// The config of a witness: a file of its own, because it runs without a gateway and on another host.

import { dirname, resolve } from "node:path";
import { z } from "zod";
import { fail, ok, type Result } from "../core/result.ts";
import type { ConfigFinding } from "./config-finding.ts";
import type { ConfigProblem } from "./load.ts";
import { folder, listenAddress, originName, verifierKey } from "./names.ts";
import { parseShape } from "./parse-shape.ts";
import { printable } from "./printable.ts";
import { readConfigText } from "./read-text.ts";
import { readYaml } from "./yaml-document.ts";

export const witnessConfigSchema = z.strictObject({
  name: originName.describe(
    "What the witness is called in its cosignatures: a URL without a scheme, such as `witness.example.com/one`. It is part of its key and stays.",
  ),
  listen: listenAddress.default("127.0.0.1:8790").describe("Address and port. Port 0 takes a free one."),
  state: folder
    .default("./witness-state")
    .describe("Folder of its key and of what it has cosigned, relative to this file. One process has it."),
  logs: z
    .array(
      z.strictObject({
        vkey: verifierKey.describe("Verifier key of the log, as `GET /log/vkey` of its gateway says it."),
        origin: originName
          .optional()
          .describe("First line of its checkpoints. Left out: the name of the key."),
      }),
    )
    .default([])
    .describe("The logs whose checkpoints it cosigns. An origin may stand several times, with other keys."),
});

export interface WitnessConfig extends z.infer<typeof witnessConfigSchema> {
  readonly stateFolder: string;
}

/** What is wrong with it is a value; only a bug throws. */
export async function loadWitnessConfig(
  path: string,
): Promise<Result<WitnessConfig, readonly ConfigProblem[]>> {
  const file = resolve(path);
  const read = await readConfigText(file);
  if (!read.ok) return fail([{ file, line: null, path: "", message: read.failure }]);
  const yaml = readYaml(read.value.text);
  if (!yaml.ok) return fail(yaml.failure.map((fault) => problem(file, fault.line, fault)));
  const parsed = parseShape(witnessConfigSchema, yaml.value.value ?? {});
  if (!parsed.ok)
    return fail(parsed.failure.map((finding) => problem(file, yaml.value.lineOf(finding.path), finding)));
  return ok({ ...parsed.value, stateFolder: resolve(dirname(file), parsed.value.state) });
}

function problem(file: string, line: number | null, { path, message }: ConfigFinding): ConfigProblem {
  return { file, line, path: path.map((step) => printable(String(step))).join("."), message };
}
