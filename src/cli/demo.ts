// `demo`: a tour of what the gateway does, on the running one. Nothing in it is played: the call, the wait, the vote and the
// entries are the gateway's own.

import { existsSync } from "node:fs";
import { Command } from "commander";
import { printable, styled } from "portcullis-verify/report/terminal-text.ts";
import { type AdminClient, adminClient, type Row } from "./admin-client.ts";
import { shownApproval } from "./approval-decisions.ts";
import { verifyTrail } from "./audit-verify.ts";
import { type DemoCall, startDemoCall } from "./demo-call.ts";
import { decisionKey } from "./demo-keys.ts";
import { entryTable, leafOf } from "./entry-table.ts";
import { Finding } from "./finding.ts";
import { withExample } from "./gateway-command.ts";
import { hasTerminal } from "./terminal.ts";

interface DemoOptions {
  readonly dir?: string;
  readonly application: string;
  readonly model: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("a tour on the running gateway: a call that waits, a decision, and what is on record of it")
    .option("--dir <dir>", "the gateway's folder; default: the current one, or one above it")
    .option("--application <name>", "in whose name the call is made", "assistant")
    .option("--model <model>", "the model that is asked", "demo/assistant")
    .option("--yes", "approve it without asking; the vote is a real one all the same")
    .option("--json", "print the entries of the tour as JSON, and nothing else");
  return withExample(command, "portcullis demo").action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const client = adminClient(options.dir);
  const say = (text: string): void => {
    if (options.json !== true) console.log(text);
  };
  const { size } = await client.get("/entries", { limit: "1" });
  const made = await client.send("POST", "/keys", { application: options.application });
  const key = { id: String(made["id"]), secret: String(made["key"]) };
  try {
    const entries = await tour(client, options, key.secret, String(Number(size) - 1), say);
    if (options.json === true) console.log(JSON.stringify(entries, null, 2));
  } finally {
    await client.send("POST", `/keys/${key.id}/revoke`);
  }
  if (options.json === true) return;
  if (process.env["PORTCULLIS_URL"] !== undefined) {
    return say(
      step(
        5,
        "Whether nothing was removed or rewritten since is checked where the data is: portcullis audit verify",
      ),
    );
  }
  say(step(5, "Was anything removed or rewritten since? That can be checked without the gateway:"));
  await verifyTrail(undefined, options);
}

async function tour(
  client: AdminClient,
  options: DemoOptions,
  key: string,
  after: string,
  say: (text: string) => void,
): Promise<readonly Row[]> {
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  process.once("SIGINT", interrupted);
  try {
    say(step(1, `An assistant is asked to send an e-mail. Its client knows nothing of approvals:`));
    const call = await startDemoCall(client, { ...options, key, signal: stop.signal });
    say(`  POST ${client.url}/v1/chat/completions\n  "${call.message}"`);
    const id = await call.waits;
    if (id === null)
      throw new Finding(`it did not wait for anybody; the client got: ${printable(await call.answer)}`);
    say(
      step(
        2,
        "The model proposes to call `send_email`. Policy wants a person to see it first, so the client waits:",
      ),
    );
    const { approval, text } = await shownApproval(client, id);
    say(indented(text));
    await decision(client, options, call, approval, stop.signal, say);
    const answer = await call.answer;
    say(step(3, "It is decided, and the client gets its answer:"));
    say(indented(printable(answer, true)));
    const entries = await entriesOfTour(client, after, id);
    say(step(4, "Every step was put on record before it had an effect:"));
    say(indented(entryTable(entries)));
    return entries;
  } finally {
    process.off("SIGINT", interrupted);
    stop.abort();
  }
}

/** Resolves when it is decided, here or elsewhere. */
async function decision(
  client: AdminClient,
  options: DemoOptions,
  call: DemoCall,
  { id, digest }: Row,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const vote = async (decided: "approve" | "reject"): Promise<void> => {
    const reason = decided === "reject" ? { reason: "the tour wanted to see a rejection" } : {};
    await client.send("POST", `/approvals/${String(id)}/votes`, {
      decision: decided,
      digest,
      ...reason,
    });
  };
  if (options.yes === true) {
    await vote("approve");
    return call.decided;
  }
  const folder = options.dir === undefined ? "" : ` --dir ${options.dir}`;
  const command = existsSync("bin/portcullis") ? "./bin/portcullis" : "portcullis";
  say(
    `\n  Decide in another terminal:\n    ${styled("bold", `${command} approvals approve ${String(id)}${folder}`)}`,
  );
  say(`    ${command} approvals reject ${String(id)} --reason "not today"${folder}`);
  const here = new AbortController();
  const either = AbortSignal.any([here.signal, signal]);
  try {
    if (hasTerminal() && options.json !== true) {
      say("  or here: press a to approve, r to reject, q to leave.");
      void voteByKey(vote, either, say);
    }
    await call.decided;
  } finally {
    here.abort();
  }
}

async function voteByKey(
  vote: (decided: "approve" | "reject") => Promise<void>,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  for (let pressed = await decisionKey(signal); pressed !== null; pressed = await decisionKey(signal)) {
    try {
      return await vote(pressed);
    } catch (fault) {
      // Somebody else may still decide.
      say(`  ${fault instanceof Error ? fault.message : String(fault)}`);
    }
  }
}

/** What was recorded since the tour began and belongs to it. */
async function entriesOfTour(client: AdminClient, after: string, id: string): Promise<readonly Row[]> {
  const entries = await client.pages("/entries", "entries", { after, order: "oldest", limit: "200" });
  const leaves = entries.map(leafOf);
  const call = leaves.find((leaf) => leaf["approval"] === id && leaf["type"] === "approval.requested")?.[
    "call"
  ];
  return entries.filter((entry) => {
    const leaf = leafOf(entry);
    return leaf["approval"] === id || (call !== undefined && leaf["call"] === call);
  });
}

function step(number: number, text: string): string {
  return `\n${styled("bold", `${number}. ${text}`)}`;
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
