// Embeddings of the demo model: unit vectors made from a hash of the input, so that equal inputs are equal.

import { hash } from "node:crypto";
import { fail, ok, type Result } from "../../core/result.ts";
import { type JsonObject, member } from "./demo-json.ts";
import type { DemoRefusal } from "./demo-request.ts";
import { demoTokens } from "./demo-tokens.ts";

type Input = string | readonly number[];

const usualDimensions = 64;
const maxDimensions = 4096;
const maxInputs = 2048;
/** All vectors together, which bounds the work that one call can ask for. */
const maxNumbers = 500_000;

export function demoEmbeddings(body: JsonObject): Result<JsonObject, DemoRefusal> {
  const inputs = readInputs(member(body, "input"));
  if (inputs === null) {
    const message = `\`input\` must be a text, a list of tokens, or a list of at most ${maxInputs} of either, none of them empty`;
    return fail({ message, param: "input" });
  }
  const dimensions = member(body, "dimensions") ?? usualDimensions;
  if (!isDimensions(dimensions) || dimensions * inputs.length > maxNumbers) {
    const message = `\`dimensions\` must be an integer from 1 to ${maxDimensions}, and all vectors together at most ${maxNumbers} numbers`;
    return fail({ message, param: "dimensions" });
  }
  const format = member(body, "encoding_format") ?? "float";
  if (format !== "float" && format !== "base64") {
    return fail({ message: "`encoding_format` must be `float` or `base64`", param: "encoding_format" });
  }
  const data = inputs.map((input, index) => {
    const vector = unitVector(JSON.stringify(input), dimensions);
    return {
      object: "embedding",
      index,
      embedding: format === "base64" ? littleEndian(vector) : [...vector],
    };
  });
  const used = inputs.reduce((sum, one) => sum + tokensOf(one), 0);
  const usage = { prompt_tokens: used, total_tokens: used };
  return ok({ object: "list", data, model: member(body, "model"), usage });
}

function readInputs(input: unknown): readonly Input[] | null {
  if (isInput(input)) return [input];
  if (!Array.isArray(input) || input.length === 0 || input.length > maxInputs) return null;
  const inputs: readonly unknown[] = input;
  return inputs.every(isInput) ? inputs : null;
}

function isInput(value: unknown): value is Input {
  if (typeof value === "string") return value !== "";
  return Array.isArray(value) && value.length > 0 && value.every((token) => Number.isSafeInteger(token));
}

function isDimensions(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maxDimensions;
}

function tokensOf(input: Input): number {
  return typeof input === "string" ? demoTokens(input) : input.length;
}

function unitVector(seed: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  // xorshift32 (Marsaglia 2003), whose state must not be 0.
  let state = hash("sha256", seed, "buffer").readUInt32LE(0) || 1;
  let squares = 0;
  for (let at = 0; at < dimensions; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const value = state / 2 ** 31;
    vector[at] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  return vector.map((value) => value / length);
}

function littleEndian(vector: Float32Array): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString("base64");
}
