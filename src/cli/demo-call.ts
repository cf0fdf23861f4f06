// The call of the tour: an ordinary one, as any client makes it, and what the gateway's events tell of it.

import { randomBytes } from "node:crypto";
import { OperatorError } from "../core/operator-error.ts";
import { type AdminClient, type Row, rowsOf } from "./admin-client.ts";

export interface DemoCall {
  readonly message: string;
  /** The id of its approval, once it waits; null when it was answered without. */
  readonly waits: Promise<string | null>;
  /** Resolves when it waits no more. */
  readonly decided: Promise<void>;
  /** What the client gets, as JSON that people can read. */
  readonly answer: Promise<string>;
}

export interface DemoCallOptions {
  readonly key: string;
  readonly model: string;
  readonly signal: AbortSignal;
}

const sendEmail = {
  type: "function",
  function: {
    name: "send_email",
    description: "Sends an e-mail",
    parameters: {
      type: "object",
      properties: { to: { type: "string" }, subject: { type: "string" }, body: { type: "string" } },
      required: ["to", "subject", "body"],
    },
  },
};

/** Resolves when the call is on its way; what happens to it is followed from before that on. */
export async function startDemoCall(client: AdminClient, options: DemoCallOptions): Promise<DemoCall> {
  const mark = `tour ${randomBytes(3).toString("hex")}`;
  const message = `Send an email to ana@example.com about the ${mark} saying "The gate works."`;
  const waits = Promise.withResolvers<string | null>();
  const decided = Promise.withResolvers<void>();
  const following = Promise.withResolvers<void>();
  const follow = async (): Promise<void> => {
    let id: string | null = null;
    for await (const { name, data } of client.events(options.signal)) {
      if (name === "snapshot") following.resolve();
      else if (name === "approval.requested" && id === null) {
        id = await idWith(client, mark);
        if (id !== null) waits.resolve(id);
      } else if (id !== null && data.includes(id) && !data.includes('"state":"pending"'))
        return decided.resolve();
    }
    throw interrupted();
  };
  follow().catch((fault: unknown) => {
    for (const { reject } of [waits, decided, following]) reject(fault);
  });
  for (const { promise } of [waits, decided, following]) promise.catch(() => undefined);
  await following.promise;
  const answer = ask(client.url, message, options);
  // Whatever it is, it does not wait any more.
  answer.then(
    () => {
      waits.resolve(null);
      decided.resolve();
    },
    (fault: unknown) => waits.reject(fault),
  );
  return { message, waits: waits.promise, decided: decided.promise, answer };
}

async function idWith(client: AdminClient, mark: string): Promise<string | null> {
  const waiting = await client.pages("/approvals", "approvals", { state: "pending" });
  const id = waiting.find((one) => String(one["arguments"]).includes(mark))?.["id"];
  return typeof id === "string" ? id : null;
}

async function ask(url: string, message: string, { key, model, signal }: DemoCallOptions): Promise<string> {
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      signal,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: message }], tools: [sendEmail] }),
    });
    const text = await answer.text();
    return answer.ok ? said(JSON.parse(text)) : `${answer.status} ${text}`;
  } catch (fault) {
    if (signal.aborted) throw interrupted();
    throw new OperatorError(
      `the call was cut off: ${fault instanceof Error ? fault.message : String(fault)}`,
    );
  }
}

function interrupted(): OperatorError {
  return new OperatorError("the tour was interrupted; what it asked for waits on, and expires by itself");
}

/** The message of a chat completion. */
function said(completion: Row): string {
  const [choice] = rowsOf(completion["choices"]);
  return JSON.stringify(choice?.["message"] ?? completion, null, 2);
}
