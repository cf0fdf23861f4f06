// Embeddings of the demo model: unit vectors made from a hash of the input, so that equal inputs are equal.

import { hash } from "node:crypto";

export function demoEmbeddings(
  request: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const input = request["input"];
  const inputs: readonly unknown[] = Array.isArray(input) && typeof input[0] !== "number" ? input : [input];
  const asked = request["dimensions"];
  const dimensions = typeof asked === "number" && asked >= 1 && asked <= 4096 ? Math.floor(asked) : 64;
  const data = inputs.map((one, index) => {
    const vector = unitVector(JSON.stringify(one), dimensions);
    const embedding =
      request["encoding_format"] === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  const prompt_tokens = Math.ceil(JSON.stringify(input).length / 4);
  return {
    object: "list",
    data,
    model: request["model"],
    usage: { prompt_tokens, total_tokens: prompt_tokens },
  };
}

function unitVector(seed: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (let at = 0; at < dimensions; at += 1) {
    vector[at] = hash("sha256", `${at} ${seed}`, "buffer").readInt32LE(0) / 2 ** 31;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
