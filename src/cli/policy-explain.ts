// `policy explain`: why a call on record was decided as it was, by the policies of then.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { OperatorError } from "../core/operator-error.ts";
import { fail, ok } from "../core/result.ts";
import { type DecisionExplanation, explainDecision, type GivenSignOffs } from "../wiring/explain-decision.ts";
import type { DecidedLeaf } from "../wiring/replay-decision.ts";
import { adminClient } from "./admin-client.ts";
import { Finding } from "./finding.ts";
import { type GatewayOptions, print, withGateway } from "./gateway-command.ts";
import { type FoundEntry, folderSource, gatewaySource, type RecordSource } from "./policy-explain-source.ts";
import { explanationJson, explanationText } from "./policy-explain-text.ts";

interface ExplainOptions extends GatewayOptions {
  readonly data?: string;
}

export function policyExplainCommand(): Command {
  return withGateway(
    new Command("explain").description("why a recorded call was decided as it was, clause by clause"),
    "portcullis policy explain call_0193…",
  )
    .argument("<entry>", "a call's id, or the id or index of an entry that decides one")
    .option("--data <folder>", "read a data folder in place of a running gateway")
    .action(explain);
}

async function explain(name: string, options: ExplainOptions): Promise<void> {
  const { data, dir } = options;
  const explained =
    data === undefined
      ? await explainNamed(gatewaySource(adminClient(dir)), name)
      : await explainFromFolder(dataFolderIn(data), name);
  print(options, explained.map(explanationJson), () => explained.map(explanationText).join("\n\n"));
  if (explained.some(({ replay }) => replay === "differs")) {
    throw new Finding("evaluating it again does not give what is on record");
  }
}

/** What cannot be read is damaged in some way, which is no fault of this program. */
async function explainFromFolder(folder: string, name: string): Promise<readonly ExplainedEntry[]> {
  const source = folderSource(folder);
  try {
    return await explainNamed(source, name);
  } catch (fault) {
    if (fault instanceof Finding || fault instanceof OperatorError) throw fault;
    const message = fault instanceof Error ? fault.message : String(fault);
    throw new OperatorError(`\`${folder}\` could not be read: ${message}; try it on a copy of the folder`);
  } finally {
    source.close();
  }
}

/** A data folder, or a gateway's folder with one in it. */
function dataFolderIn(folder: string): string {
  const inside = join(folder, "data");
  return existsSync(inside) ? inside : folder;
}

export interface ExplainedEntry extends DecisionExplanation {
  readonly index: number;
}

type DecidedEntry = FoundEntry & { readonly leaf: DecidedLeaf };

async function explainNamed(source: RecordSource, name: string): Promise<readonly ExplainedEntry[]> {
  const named = name.startsWith("call_") ? null : await source.entry(name);
  if (named !== null && !isDecided(named)) {
    throw new Finding(
      `entry ${named.index} is a \`${named.leaf.type}\`, which decides nothing; name a decision, or a call`,
    );
  }
  const call = named === null ? name : named.leaf.call;
  const all = await source.call(call);
  const entries = all.filter(isDecided);
  if (entries.length === 0) throw new Finding(`there is no decision of \`${call}\``);
  const explained: ExplainedEntry[] = [];
  for (const entry of named === null ? entries : [named]) {
    explained.push(await explainEntry(source, entry, all));
  }
  return explained;
}

async function explainEntry(
  source: RecordSource,
  { index, leaf }: DecidedEntry,
  entries: readonly FoundEntry[],
): Promise<ExplainedEntry> {
  // A tool call comes from where its call came from, and that entry alone commits to the address.
  const call = entries.find((one) => one.leaf.type === "call.decided" && one.leaf.dispatch === leaf.dispatch);
  const address =
    call === undefined
      ? { ok: false as const, failure: "the entry of its call is not there" }
      : await source.committed(call, "source_address");
  const given =
    leaf.type === "action.decided" ? await source.committed({ index, leaf }, "arguments") : noArguments;
  const user = fail(`on record is only its pseudonym ${leaf.user}`);
  const committed = { sourceAddress: address, user, arguments: given };
  const content = await source.revision(leaf.revision);
  return { index, ...explainDecision(leaf, content, committed, signOffsGiven(leaf, entries)) };
}

/** What was released was decided with its sign-offs, which the entry of the release names. */
function signOffsGiven({ approval }: DecidedLeaf, entries: readonly FoundEntry[]): GivenSignOffs {
  if (approval === undefined || approval === null) return ok([]);
  for (const { leaf } of entries) {
    if (leaf.type === "approval.released" && leaf.approval === approval)
      return ok(leaf.given.map(({ name }) => name));
  }
  return fail(`the entry that says which sign-offs \`${approval}\` was released with is not there`);
}

const noArguments = { ok: false as const, failure: "a call has none" };

function isDecided(entry: FoundEntry): entry is DecidedEntry {
  return entry.leaf.type === "call.decided" || entry.leaf.type === "action.decided";
}
