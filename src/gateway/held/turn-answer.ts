// What a client gets of a turn that waited. Where all of it is approved as it came, its very bytes go out; else the answer
// is made anew around what is left, and says in words what is not there. Never empty, and never with a finish reason that
// clients take for a filter.

import { isObject, type JsonObject } from "../../facts/json-shape.ts";
import { proposedActions } from "../../facts/proposed-actions.ts";
import { choiceIndex, chunkEvent, withoutChoices } from "../chunk-choices.ts";
import { type Fates, type HeldTurn, placeKey, remaining, type StreamTurn, type WholeTurn } from "./turn.ts";

function isWhole({ dropped, edited }: Fates): boolean {
  return dropped.size === 0 && edited.size === 0;
}

/** The body of an answer in one piece. */
export function wholeAnswer(turn: WholeTurn, fates: Fates): Buffer {
  if (isWhole(fates)) return Buffer.from(turn.body);
  const answer: unknown = JSON.parse(turn.body);
  const listed: readonly unknown[] =
    isObject(answer) && Array.isArray(answer["choices"]) ? answer["choices"] : [];
  const proposing = new Set(turn.choices.map(({ index }) => index));
  const choices = listed.map((choice, position) => {
    if (!isObject(choice)) return choice;
    const index = choiceIndex(choice, position);
    return proposing.has(index) ? changedChoice(choice, index, fates) : choice;
  });
  return Buffer.from(JSON.stringify({ ...(isObject(answer) ? answer : {}), choices }));
}

/** What spells out what the model wrote, its tool calls too, and so has no place beside other ones. */
const spelledOut: ReadonlySet<string> = new Set(["logprobs", "token_ids"]);

function changedChoice(choice: JsonObject, index: number, fates: Fates): JsonObject {
  // Some vendors say `delta` where others say `message`.
  const whole = choice["message"] ?? choice["delta"];
  const message = isObject(whole) ? whole : {};
  const places = proposedActions(index, message).map(placeKey);
  if (!places.some((place) => fates.dropped.has(place) || fates.edited.has(place))) return choice;
  const left = remaining(index, without(message, spelledOut), fates);
  const said = withNote(left.message, index, fates);
  const reason = left.proposes ? choice["finish_reason"] : "stop";
  return {
    ...without(choice, new Set([...spelledOut, "message", "delta"])),
    message: said,
    ...(Object.hasOwn(choice, "logprobs") ? { logprobs: null } : {}),
    finish_reason: reason,
  };
}

function without(value: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.has(name)));
}

function withNote(
  message: Record<string, unknown>,
  choice: number,
  { note }: Fates,
): Record<string, unknown> {
  const { content } = message;
  const parts: readonly unknown[] = Array.isArray(content) ? content : [];
  const text = textOf(content);
  const added = note(choice, text);
  if (added === null) return message;
  return {
    ...message,
    content: Array.isArray(content) ? [...parts, { type: "text", text: added }] : `${text}${added}`,
  };
}

/** The text of a message's content, which is a text or a list of parts. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map(textOfPart).join("") : "";
}

function textOfPart(part: unknown): string {
  return isObject(part) && typeof part["text"] === "string" ? part["text"] : "";
}

/** The events that take the place of those that were kept back. */
export function streamTail(turn: StreamTurn, fates: Fates): Buffer {
  if (isWhole(fates)) return Buffer.from(turn.held.map(({ raw }) => raw).join(""));
  const proposing = new Set(turn.choices.map(({ index }) => index));
  const events: string[] = [];
  const tail: string[] = [];
  for (const held of turn.held) {
    if (held.choices.length === 0) tail.push(held.raw);
    else events.push(...leftOf(held, proposing));
  }
  for (const choice of turn.choices) {
    events.push(...choiceEvents(turn, choice, fates, textsOf(turn, choice.index)));
  }
  return Buffer.from([...events, ...tail].join(""));
}

function leftOf(held: StreamTurn["held"][number], gone: ReadonlySet<number>): readonly string[] {
  const left = withoutChoices(held, gone);
  if (left === null) return [];
  return [left === "whole" ? held.raw : chunkEvent(left)];
}

interface Texts {
  /** What the client has of a choice's text. */
  readonly sent: string;
  /** What was kept back of it: text that came after the first tool call, or beside another choice's. */
  readonly kept: string;
}

const noTexts: Texts = { sent: "", kept: "" };

function textsOf({ sent, held }: Pick<StreamTurn, "sent" | "held">, choice: number): Texts {
  const kept = held.filter(({ choices }) => choices.includes(choice)).map(({ raw }) => raw);
  return { sent: sentText(sent, choice), kept: sentText(kept.join(""), choice) };
}

function choiceEvents(
  turn: Pick<HeldTurn, "naming">,
  { index, message, finish_reason: finish }: HeldTurn["choices"][number],
  fates: Fates,
  { sent, kept }: Texts,
  as = index,
): readonly string[] {
  const left = remaining(index, message, fates);
  const chunk = (delta: object, finishReason: string | null): string =>
    chunkEvent({
      ...turn.naming,
      object: "chat.completion.chunk",
      choices: [{ index: as, delta, finish_reason: finishReason }],
    });
  // Where nothing is left of what a choice proposes, nothing that was kept back with it goes out either.
  const shown = left.proposes ? kept : "";
  const said = `${shown}${fates.note(index, `${sent}${shown}`) ?? ""}`;
  const events = [chunk({ role: "assistant", content: said === "" ? null : said }, null)];
  const { tool_calls: calls, function_call: legacy } = left.message;
  if (Array.isArray(calls)) {
    events.push(chunk({ tool_calls: calls.map((call, at) => ({ ...call, index: at })) }, null));
  }
  if (legacy !== undefined) events.push(chunk({ function_call: legacy }, null));
  return [...events, chunk({}, left.proposes ? finish : "stop")];
}

/** One choice of a turn as an answer of its own, for a request that resumes it. */
export function resumedWhole(turn: HeldTurn, choice: number, fates: Fates): Buffer {
  const resumed = choiceOf(turn, choice);
  const said = { ...without(resumed.message, spelledOut), content: null };
  const left = remaining(choice, said, fates);
  const message = withNote({ role: "assistant", ...left.message }, choice, fates);
  const finish = left.proposes ? resumed.finish_reason : "stop";
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }];
  return Buffer.from(JSON.stringify({ ...turn.naming, object: "chat.completion", choices, usage: noTokens }));
}

export function resumedStream(turn: HeldTurn, choice: number, fates: Fates, withUsage: boolean): Buffer {
  const { message, finish_reason } = choiceOf(turn, choice);
  const events = choiceEvents(turn, { index: choice, message, finish_reason }, fates, noTexts, 0);
  const usage = chunkEvent({ ...turn.naming, object: "chat.completion.chunk", choices: [], usage: noTokens });
  return Buffer.from([...events, ...(withUsage ? [usage] : []), "data: [DONE]\n\n"].join(""));
}

/** The model was not asked again. */
const noTokens = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

function choiceOf(turn: HeldTurn, choice: number): HeldTurn["choices"][number] {
  const found = turn.choices.find(({ index }) => index === choice);
  if (found === undefined) throw new Error(`a turn is resumed in choice ${choice}, which proposes nothing`);
  return found;
}

/** The text of a choice in events that were framed by us. */
export function sentText(sent: string, choice: number): string {
  let text = "";
  for (const one of sent.split("\n\n")) {
    if (!one.startsWith("data: ")) continue;
    const chunk: unknown = JSON.parse(one.slice("data: ".length).replaceAll("\ndata: ", "\n"));
    const listed: readonly unknown[] =
      isObject(chunk) && Array.isArray(chunk["choices"]) ? chunk["choices"] : [];
    for (const [position, part] of listed.entries()) {
      if (!isObject(part) || choiceIndex(part, position) !== choice) continue;
      const delta = part["delta"] ?? part["message"];
      const content = isObject(delta) ? delta["content"] : null;
      if (typeof content === "string") text += content;
    }
  }
  return text;
}
