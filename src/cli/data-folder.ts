// Which data folder a command is about that works on files.

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { findOperatorFile } from "../identity/operator-token.ts";

/** `dir` is a gateway's folder or its data folder; without it, the gateway of the current folder or of one above it. */
export function dataFolder(dir: string | undefined): string {
  const named = resolve(dir ?? ".");
  const inside = join(named, "data");
  if (existsSync(inside)) return inside;
  const above = dir === undefined ? findOperatorFile(named) : null;
  return above === null ? named : dirname(above);
}
