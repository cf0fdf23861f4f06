// Which of the offered tools a message asks the demo model for, and with what arguments.

import { hash } from "node:crypto";
import { isObject, member } from "./demo-json.ts";
import type { DemoChatRequest, DemoTool } from "./demo-request.ts";
import { valueFor } from "./demo-values.ts";
import { MessageHints } from "./message-hints.ts";

export interface DemoToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
}

interface NamedArguments {
  readonly name: string;
  readonly args: string;
}

const maxCalls = 8;
const maxSearched = 10_000;

/** Words of a tool's name that people leave out when they ask for it, as long as another word is left. */
const leftOut: ReadonlySet<string> = new Set("get fetch find lookup look up read list show query".split(" "));

export function demoToolCalls(request: DemoChatRequest): readonly DemoToolCall[] {
  const most = request.parallel ? maxCalls : 1;
  return chosenTools(request)
    .slice(0, most)
    .flatMap((tool) => callsOf(tool, request.asked))
    .slice(0, most)
    .map(({ name, args }, position) => ({
      id: `call_demo_${hash("sha256", `${position} ${name} ${args}`, "hex").slice(0, 20)}`,
      name,
      arguments: args,
    }));
}

function chosenTools(request: DemoChatRequest): readonly DemoTool[] {
  const { tools, toolChoice } = request;
  // What was asked for has been done when the tools have answered.
  if (request.toolAnswers.length > 0) return [];
  switch (toolChoice.kind) {
    case "none":
      return [];
    case "auto":
      return toolsAskedFor(request);
    case "required": {
      const meant = toolsAskedFor(request);
      return meant.length > 0 ? meant : tools.slice(0, 1);
    }
    case "named":
      return tools.filter((tool) => tool.name === toolChoice.name).slice(0, 1);
  }
}

/** By a tool's name as written, or by its words: `send an e-mail` asks for `send_email`. */
function toolsAskedFor(request: DemoChatRequest): readonly DemoTool[] {
  const asked = request.asked.slice(0, maxSearched);
  const words = wordsOf(asked);
  return request.tools.filter(({ name }) => {
    if (asked.includes(name)) return true;
    const parts = [...wordsOf(name.replaceAll(/([a-z])([A-Z])/g, "$1 $2"))];
    const needed = parts.filter((part) => !leftOut.has(part));
    const sought = needed.length > 0 ? needed : parts;
    return sought.length > 0 && sought.every((part) => hasWord(words, part));
  });
}

/** Forms of a word count: `emails`, `sending`. */
function hasWord(words: ReadonlySet<string>, sought: string): boolean {
  if (words.has(sought)) return true;
  if (sought.length < 3) return false;
  return [...words].some((word) => word.startsWith(sought) && word.length <= sought.length + 3);
}

function wordsOf(text: string): ReadonlySet<string> {
  const plain = text.toLowerCase().replaceAll("e-mail", "email");
  return new Set(plain.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== ""));
}

/** One call, or one for each address when the message names several and the tool takes one. */
function callsOf(tool: DemoTool, asked: string): readonly NamedArguments[] {
  const { emails } = new MessageHints(asked);
  const recipients = emails.length > 1 && takesOneAddress(tool) ? emails.slice(0, maxCalls) : [null];
  return recipients.map((recipient) => {
    const value = valueFor(tool.parameters, new MessageHints(asked, recipient));
    return { name: tool.name, args: JSON.stringify(isObject(value) ? value : {}) };
  });
}

function takesOneAddress(tool: DemoTool): boolean {
  const properties = member(tool.parameters, "properties");
  return ["to", "email", "recipient"].some((name) => member(member(properties, name), "type") === "string");
}
