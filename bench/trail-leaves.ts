// Entries as a gateway in use writes them: calls of several applications under way side by side, with tool calls, some of
// which wait for people. Written as an export, for bench/verify.ts.

import { encodeLeaf } from "portcullis-verify/leaves/leaf.ts";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import type { LeafBody } from "portcullis-verify/leaves/leaf-schema.ts";
import { noteSigner } from "portcullis-verify/log/signed-note.ts";
import { signedOffDigest } from "portcullis-verify/rules/approval-digest.ts";
import { writeTileFolder } from "portcullis-verify/source/tile-folder.test-support.ts";
import { uuidv7 } from "../src/core/id.ts";

export const benchSigner = noteSigner("bench.example/log", Buffer.alloc(32, 7));

/** Calls that are open at a time. */
const sideBySide = 64;
const began = Date.parse("2026-11-23T00:00:00.000Z");
/** A call at a time comes so often. */
const everyMs = 2;

type Call = Generator<LeafBody>;

/** At least so many, and then to the end of the calls under way. */
export function* trailLeaves(count: number): Generator<Uint8Array> {
  let time = began;
  let made = 0;
  const leaf = (body: LeafBody): Uint8Array => {
    const stamp = { id: uuidv7(time), time: new Date(time).toISOString(), instance: `inst_${began}` };
    const encoded = encodeLeaf(body, stamp);
    if (!encoded.ok) throw new Error(JSON.stringify(encoded.failure));
    made += 1;
    return encoded.value;
  };
  const { origin, vkey } = { origin: benchSigner.name, vkey: benchSigner.vkey };
  yield leaf({ ...leafSamples["log.created"], origin, vkey });
  yield leaf(leafSamples["log.opened"]);
  yield leaf({ ...leafSamples["policy.activated"], revision });
  const open: Call[] = [];
  for (let number = 0; made < count || open.length > 0; ) {
    if (made < count && open.length < sideBySide) {
      open.push(callBodies(number, time));
      number += 1;
      time += everyMs;
    }
    const call = open.shift();
    const next = call?.next();
    if (call === undefined || next?.done !== false) continue;
    yield leaf(next.value);
    open.push(call);
  }
}

const revision = "0123456789abcdef".repeat(4);
const id = (kind: string, time: number): string => `${kind}_${uuidv7(time)}`;

/** Every fifth proposes an action, and of these every fourth waits for somebody. */
function* callBodies(number: number, time: number): Call {
  const { call, application, user } = {
    call: id("call", time),
    application: `application-${number % 12}`,
    user: `sub_${uuidv7(began + (number % 500))}`,
  };
  const actor = { kind: "application", id: application } as const;
  const common = { actor, application, call, user };
  yield { ...leafSamples["call.decided"], ...common, ...described(number), revision };
  if (number % 5 === 0) yield* action(number, time, common);
  yield {
    ...leafSamples["call.completed"],
    ...common,
    target: "openai/gpt-4o-mini",
    served_model: "gpt-4o-mini-2024-07-18",
  };
}

function described(
  number: number,
): Pick<LeafBody<"call.decided">, "facts" | "target" | "policies" | "reasons"> {
  return {
    target: "openai/gpt-4o-mini",
    policies: { ids: ["starter.chat", "budget.finance"], more: 0 },
    reasons: ['every "application" may chat'],
    facts: {
      endpoint: "chat",
      estimated_input_tokens: 900 + (number % 700),
      labels: [],
      max_tokens: 500,
      message_count: 4,
      modalities: ["text"],
      provider: "openai",
      stream: number % 2 === 0,
      time: began + number,
      tool_count: 2,
      tools: ["get_weather", "send_email"],
    },
  };
}

type Common = Pick<LeafBody<"action.decided">, "actor" | "application" | "call" | "user">;

function* action(number: number, time: number, common: Common): Call {
  const held: LeafBody<"action.decided"> = {
    ...leafSamples["action.decided"],
    ...common,
    action: id("act", time),
    decision: number % 20 === 0 ? "hold" : "permit",
    unattended: true,
    sign_offs: number % 20 === 0 ? ["finance"] : [],
    revision,
  };
  yield held;
  if (held.decision === "hold") yield* approval(time, held);
}

function* approval(time: number, held: LeafBody<"action.decided">): Call {
  const { call, application, groups, user, tool, effect, tool_digest } = held;
  const body: LeafBody<"approval.requested"> = {
    ...leafSamples["approval.requested"],
    ...{ call, application, groups, user, tool, effect, tool_digest, action: held.action, actor: held.actor },
    hold: id("hold", time),
    approval: id("apr", time),
    required: [{ name: "finance", quorum: 1 }],
    policy_revision: revision,
    expires: new Date(time + 3_600_000).toISOString(),
  };
  const digest = signedOffDigest(body, body) ?? body.digest;
  const subject = { approval: body.approval, revision: 1, digest };
  yield { ...body, digest };
  yield { ...leafSamples["approval.viewed"], ...subject };
  yield {
    ...leafSamples["approval.voted"],
    ...subject,
    ...{ sign_offs: ["finance"], state: "approved", policy_revision: revision },
  };
  yield { ...held, decision: "permit", sign_offs: [], approval: body.approval };
  yield {
    ...leafSamples["approval.released"],
    ...subject,
    ...{ hold: body.hold, call, released_to: call, action: held.action, delivery: 1 },
    given: [{ name: "finance", quorum: 1, votes: 1 }],
    policy_revision: revision,
  };
}

if (import.meta.main) {
  const [, , folder, count] = process.argv;
  if (folder === undefined || count === undefined) throw new Error("trail-leaves.ts <folder> <entries>");
  writeTileFolder(folder, benchSigner, trailLeaves(Number(count)));
}
