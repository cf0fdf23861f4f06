// Two gateways on one PostgreSQL database: each a process with a folder of its own, and with a copy of the first one's keys.

import { cpSync } from "node:fs";
import { join } from "node:path";
import { startGateway, type TestGateway, testFolder } from "./test-gateway.ts";

export interface Replicas {
  readonly first: TestGateway;
  readonly second: TestGateway;
  /** The key that the first start made. */
  readonly key: string;
}

/** `config` is the text of portcullis.yaml; every gateway has the same. */
export async function startReplicas(config: string): Promise<Replicas> {
  const first = await startGateway(testFolder({ "portcullis.yaml": config }));
  const { key } = first;
  if (key === null) throw new Error("the first start makes a key");
  const folder = testFolder({ "portcullis.yaml": config });
  cpSync(join(first.folder, "keys"), join(folder, "keys"), { recursive: true });
  return { first, second: await startGateway(folder), key };
}

export async function ask(gateway: TestGateway, key: string): Promise<Response> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo/assistant", messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.text();
  return answer;
}
