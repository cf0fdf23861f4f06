// An approval in a terminal: a view that one can decide by. What the approval's own text says stands behind a bar, and all of
// it is there.

import { styled } from "portcullis-verify/report/terminal-text.ts";
import type { ApprovalView } from "../approvals/view-schema.ts";
import { columnsOf, folded } from "./folded-text.ts";

export function approvalText(view: ApprovalView, width: number): string {
  return [
    styled("bold", `${view.id}  ${stateText(view)}`),
    ...facts(view, width),
    "",
    ...argumentLines(view, width),
    ...batchLines(view, width),
    ...revisionLines(view, width),
    "",
    ...labelled("digest", view.digest, width),
  ].join("\n");
}

export function stateText({
  state,
  seconds_left: left,
  expires,
  usable_until: usable,
}: ApprovalView): string {
  if (state === "pending")
    return styled("yellow", `waits for sign-off, ${timeLeft(left ?? 0)} left (until ${expires})`);
  if (state === "approved")
    return styled("green", usable === null ? "approved" : `approved, to be used until ${usable}`);
  return state === "released" ? styled("green", state) : styled("red", state);
}

export function timeLeft(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

function facts(view: ApprovalView, width: number): readonly string[] {
  const { who, what } = view;
  const user = who.user === null ? "" : ` for user ${named(who.user)}`;
  const groups = who.groups.length === 0 ? "" : ` (${who.groups.join(", ")})`;
  const effect =
    what.effect === null
      ? ""
      : `: ${what.effect}${what.effect_basis === null ? "" : ` (${what.effect_basis})`}`;
  return [
    ...labelled("who asks", `application ${who.application}${groups}${user}`, width),
    ...(who.key_creator === null ? [] : labelled("key by", named(who.key_creator), width)),
    ...labelled("asked", `${view.requested}, call ${view.call}`, width),
    ...labelled("conversation", view.conversation, width),
    ...labelled(
      view.kind === "call" ? "model" : "tool",
      `${what.tool ?? what.target ?? "?"}${effect}`,
      width,
    ),
    ...(what.labels.length === 0 ? [] : labelled("holds", what.labels.join(", "), width)),
    ...view.policies.flatMap(({ id, reason }) => labelled("because", `${reason} (${id})`, width)),
    ...view.sign_offs.flatMap(({ name, quorum, given }) =>
      labelled("sign-off", `${name}: ${given} of ${quorum}`, width),
    ),
    ...view.votes.flatMap((vote) =>
      labelled(
        "vote",
        `${named(vote.voter)}: ${vote.decision} at ${vote.at}${vote.reason === null ? "" : `: ${vote.reason}`}`,
        width,
      ),
    ),
    ...(view.editors.length === 0
      ? []
      : labelled("edited", `by ${view.editors.map(named).join(", ")}`, width)),
    ...labelled("similar", similarText(view), width),
  ];
}

function similarText({ similar, what }: ApprovalView): string {
  const { approved, rejected, expired, other, since } = similar;
  if (approved + rejected + expired + other === 0) return `none since ${since.slice(0, 10)}`;
  const counts = `${approved} approved, ${rejected} rejected, ${expired} expired, ${other} ended otherwise`;
  return `${counts} since ${since.slice(0, 10)} (same application and ${what.tool === null ? "kind" : "tool"})`;
}

function argumentLines({ arguments: given, messages, kind }: ApprovalView, width: number): readonly string[] {
  const title = kind === "call" ? "request" : "arguments";
  const paths = Math.min(24, Math.max(0, ...given.rows.map(({ path }) => columnsOf(path))));
  return [
    ...messages.flatMap(({ role, text }) => barred(`message by ${role}`, text, width)),
    styled("bold", `${title} (${given.bytes} bytes)`),
    ...(given.rows.length === 0 ? ["  none"] : given.rows.flatMap((row) => rowLines(row, paths, width))),
    ...barred("raw", given.raw, width),
  ];
}

const typeWidth = 7;

/** On one line where it fits. */
function rowLines(
  { path, type, value, notes }: ApprovalView["arguments"]["rows"][number],
  paths: number,
  width: number,
): readonly string[] {
  const name = path === "" ? "(all)" : path;
  const head = `  ${name}${" ".repeat(Math.max(0, paths - columnsOf(name)))}  ${styled("dim", type.padEnd(typeWidth))}`;
  const left = width - Math.max(paths, columnsOf(name)) - typeWidth - 6;
  const fits = !value.includes("\n") && columnsOf(value) <= left;
  return [
    ...(fits ? [`${head} ${styled("dim", "│")} ${value}`] : barred(`${name}  ${type}`, value, width)),
    ...notes.flatMap((note) => folded(note, width - 8).map((line) => `      ${styled("red", `! ${line}`)}`)),
  ];
}

function batchLines({ batch }: ApprovalView, width: number): readonly string[] {
  const { said, others, permitted } = batch;
  return [
    ...said.flatMap(({ text }) => barred("the assistant says beside it", text, width)),
    ...others.flatMap(({ id, state, tool, arguments: text }) =>
      barred(`waits with it: ${tool ?? "call"}, ${state}, ${id}`, text ?? "(cannot be opened)", width),
    ),
    ...permitted.flatMap(({ tool, arguments: text }) => barred(`goes out with it: ${tool}`, text, width)),
  ];
}

function revisionLines({ revisions }: ApprovalView, width: number): readonly string[] {
  return revisions.flatMap(({ revision, edited_by: editor, reason, changes }) => {
    const why = reason === null ? "" : `: ${reason}`;
    const text =
      changes === null
        ? "(cannot be opened)"
        : changes
            .map(
              ({ path, before, after }) => `${path}: ${before ?? "(not there)"} → ${after ?? "(not there)"}`,
            )
            .join("\n");
    const title = `revision ${revision} was edited by ${editor === null ? "?" : named(editor)}${why}`;
    return barred(title, text === "" ? "(the same values, written in another way)" : text, width);
  });
}

function named({ id, name }: { readonly id: string; readonly name: string | null }): string {
  return name ?? `${id} (erased)`;
}

const labelWidth = 14;

/** Facts whose text is ours, or of one line. */
function labelled(label: string, text: string, width: number): readonly string[] {
  return folded(text, width - labelWidth - 2).map((line, at) =>
    `  ${styled("dim", (at === 0 ? label : "").padEnd(labelWidth))}${line}`.trimEnd(),
  );
}

/** Text of others, with a bar before every line. */
function barred(title: string, text: string, width: number): readonly string[] {
  return [
    ...folded(title, Math.max(width - 2, columnsOf("(all)"))).map((line) => `  ${line}`),
    ...folded(text, width - 6).map((line) => `    ${styled("dim", "│")} ${line}`),
  ];
}
