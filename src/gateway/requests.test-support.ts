// What the tests of the pipeline ask for: three tools, one of each kind, and requests that offer them.

import { type CatalogEntry, ToolCatalog } from "../facts/tool-catalog.ts";
import { toolDigest } from "../facts/tool-digest.ts";

const parameters = { type: "object", properties: { to: { type: "string" } } };
const getWeather = { name: "get_weather", description: "Tells the weather", parameters };
const sendEmail = { name: "send_email", description: "Sends an e-mail", parameters };
const notify = { name: "notify", description: "Notifies a person", parameters };

/** `get_weather` is pinned as a read, `send_email` waits for a sign-off, `notify` may write unattended. */
export const catalog: Readonly<Record<string, CatalogEntry>> = {
  get_weather: { effect: "read", digest: toolDigest(getWeather, "function") },
  send_email: { effect: "write" },
  notify: { effect: "write", unattended: "pages are meant to go out at night" },
};

export const tools = [getWeather, sendEmail, notify].map((one) => ({ type: "function", function: one }));

/** A chat request to `up/m` that offers all three tools. */
export function ask(more: object = {}): object {
  return { model: "up/m", messages: [{ role: "user", content: "Hello" }], tools, ...more };
}

export const askStream = (more: object = {}): object => ask({ stream: true, ...more });

/** A tool call as it stands in a whole message. */
export function toolCall(name: string, args = "{}", id = "call_1"): object {
  return { id, type: "function", function: { name, arguments: args } };
}

export const toolCatalog = new ToolCatalog(catalog);

let asked = 0;

/** The same once more would be a retry, which gets what waits. */
export function unlikeOthers(body: object): object {
  asked += 1;
  return "messages" in body ? { ...body, seed: asked } : body;
}
