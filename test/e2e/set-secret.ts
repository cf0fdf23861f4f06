// Puts a secret into a running gateway, as its operator.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const operatorFile = z.object({ url: z.string(), token: z.string() });

export async function setSecret(folder: string, name: string, value: string): Promise<void> {
  const { url, token } = operatorFile.parse(
    JSON.parse(readFileSync(join(folder, "data", "operator.json"), "utf8")),
  );
  const answer = await fetch(`${url}/api/secrets/${name.split("/").map(encodeURIComponent).join("/")}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ value }),
  });
  assert.ok(answer.ok, await answer.text());
}
