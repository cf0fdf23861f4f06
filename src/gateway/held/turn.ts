// A model's turn that waits: all that is needed to hand it on later, to this client or to its retry, also after a restart.

import { z } from "zod";
import { isObject, type JsonObject } from "../../facts/json-shape.ts";

const json = z.record(z.string(), z.unknown());

const heldChoice = z.strictObject({
  index: z.int(),
  /** The whole message as it came or was put together; of a stream, its tool calls alone. */
  message: json,
  finish_reason: z.string().nullable(),
});

const common = {
  v: z.literal(1),
  /** HTTP status and headers of the upstream, as they pass on. */
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  /** The choices that propose tool calls. */
  choices: z.array(heldChoice),
  /** `id`, `created` and `model` of the answer, for chunks and answers of our own. */
  naming: json,
};

const wholeTurn = z.strictObject({
  ...common,
  kind: z.literal("whole"),
  /** The answer's very bytes. */
  body: z.string(),
});

const streamTurn = z.strictObject({
  ...common,
  kind: z.literal("stream"),
  /** What the first client has been sent: events in which nothing waits. */
  sent: z.string(),
  /** The events that were kept back, in their order. */
  held: z.array(
    z.strictObject({
      raw: z.string(),
      /** The choices it speaks of; none for usage and `[DONE]`. */
      choices: z.array(z.int()),
      /** The parsed chunk, where it may have to be taken apart. */
      chunk: json.nullable(),
    }),
  ),
});

/** A request that policy holds: nothing was answered yet. */
const noTurn = z.strictObject({ v: z.literal(1), kind: z.literal("request") });

const heldContent = z.discriminatedUnion("kind", [wholeTurn, streamTurn, noTurn]);

export type WholeTurn = z.output<typeof wholeTurn>;
export type StreamTurn = z.output<typeof streamTurn>;
export type HeldTurn = WholeTurn | StreamTurn;
export type HeldContent = z.output<typeof heldContent>;

export function encodeHeld(content: HeldContent): Uint8Array {
  return Buffer.from(JSON.stringify(content));
}

/** Throws on what `encodeHeld` did not make. */
export function decodeHeld(bytes: Uint8Array): HeldContent {
  return heldContent.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
}

/** Where a tool call stands in its turn. */
export interface CallPlace {
  readonly choice: number;
  /** Counted over all that the choice proposes: `tool_calls`, then `function_call`. */
  readonly position: number;
}

export function placeOf({ choice, position }: CallPlace): CallPlace {
  return { choice, position };
}

export function placeKey({ choice, position }: CallPlace): string {
  return `${choice}:${position}`;
}

/** What becomes of the tool calls of a turn. Those that are not named go out as they are. */
export interface Fates {
  /** By `placeKey`. */
  readonly dropped: ReadonlySet<string>;
  /** Other arguments than the model's, by `placeKey`. */
  readonly edited: ReadonlyMap<string, string>;
  /** For people, behind the text that a choice has so far; null when nothing is dropped from it. */
  readonly note: (choice: number, text: string) => string | null;
}

/** A message with what is left of its tool calls, and whether any is. */
export function remaining(
  choice: number,
  message: JsonObject,
  fates: Fates,
): { readonly message: Record<string, unknown>; readonly proposes: boolean } {
  const { tool_calls: listed, function_call: legacy, ...others } = message;
  const calls: readonly unknown[] = Array.isArray(listed) ? listed : [];
  const kept = calls.flatMap((call, position) => keptCall(call, { choice, position }, fates));
  const place = { choice, position: calls.length };
  const keptLegacy =
    isObject(legacy) && !fates.dropped.has(placeKey(place)) ? withArguments(legacy, place, fates) : null;
  return {
    message: {
      ...others,
      ...(kept.length === 0 ? {} : { tool_calls: kept }),
      ...(keptLegacy === null ? {} : { function_call: keptLegacy }),
    },
    proposes: kept.length > 0 || keptLegacy !== null,
  };
}

function keptCall(call: unknown, place: CallPlace, fates: Fates): readonly unknown[] {
  if (fates.dropped.has(placeKey(place))) return [];
  if (!isObject(call) || !fates.edited.has(placeKey(place))) return [call];
  const { custom } = call;
  if (isObject(custom)) return [{ ...call, custom: { ...custom, input: fates.edited.get(placeKey(place)) } }];
  return [
    { ...call, function: withArguments(isObject(call["function"]) ? call["function"] : {}, place, fates) },
  ];
}

function withArguments(named: JsonObject, place: CallPlace, fates: Fates): JsonObject {
  const edited = fates.edited.get(placeKey(place));
  return edited === undefined ? named : { ...named, arguments: edited };
}
