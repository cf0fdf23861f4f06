// `approvals show|approve|reject|edit|revoke`. A decision is over a digest: that of what the person was shown here, or one
// that they name.

import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { approvalView } from "../approvals/view-schema.ts";
import { OperatorError } from "../core/operator-error.ts";
import { type AdminClient, adminClient, isRow, type Row, rowsOf } from "./admin-client.ts";
import { approvalText } from "./approval-text.ts";
import { Finding } from "./finding.ts";
import { terminalWidth } from "./folded-text.ts";
import { type GatewayOptions, print } from "./gateway-command.ts";
import { ask, hasTerminal } from "./terminal.ts";

interface DecisionOptions extends GatewayOptions {
  readonly digest?: string;
  readonly reason?: string;
}

export async function show(named: string, options: GatewayOptions): Promise<void> {
  const client = adminClient(options.dir);
  const shown = await shownApproval(client, await idOf(client, named));
  print(options, shown.answer, () => shown.text);
}

export async function approve(
  named: string,
  options: DecisionOptions & { readonly yes?: boolean },
): Promise<void> {
  const client = adminClient(options.dir);
  const id = await idOf(client, named);
  const digest = options.digest ?? (await digestShown(client, id, options));
  const body = { decision: "approve", digest, ...reasonOf(options.reason) };
  decided(options, await client.send("POST", `/approvals/${id}/votes`, body));
}

/** The digest of what the person has seen here and agreed to, or of what has this id and no other bytes ever had. */
async function digestShown(
  client: AdminClient,
  id: string,
  options: GatewayOptions & { readonly yes?: boolean },
): Promise<string> {
  const { approval, text } = await shownApproval(client, id);
  const digest = String(approval["digest"]);
  if (hasTerminal() && options.json !== true) {
    console.log(text);
    if (options.yes === true) return digest;
    const answered = await ask("\nApprove exactly this? [y/N] ");
    if (/^y(?:es)?$/i.test(answered)) return digest;
    throw new Finding("nothing was decided");
  }
  // INVARIANT: the first revision of an approval never changes, so its id says what is signed off. Of an edited one it does not.
  if (approval["revision"] === 1) return digest;
  throw new Finding(
    `\`${id}\` was edited since it was asked for; look at it (\`portcullis approvals show ${id}\`) and name what you saw with --digest`,
  );
}

export async function reject(named: string, options: DecisionOptions): Promise<void> {
  const client = adminClient(options.dir);
  const id = await idOf(client, named);
  const digest = options.digest ?? String((await summaryOf(client, id))["digest"]);
  const reason = options.reason ?? (hasTerminal() ? await ask("Why? ") : "");
  if (reason.trim() === "")
    throw new OperatorError("say why it is rejected with --reason; whoever asked is told");
  decided(
    options,
    await client.send("POST", `/approvals/${id}/votes`, { decision: "reject", digest, reason }),
  );
}

export async function revoke(
  named: string,
  options: GatewayOptions & { readonly reason: string },
): Promise<void> {
  const client = adminClient(options.dir);
  const id = await idOf(client, named);
  decided(options, await client.send("POST", `/approvals/${id}/revoke`, { reason: options.reason }));
}

export async function edit(
  named: string,
  options: DecisionOptions & { readonly arguments?: string },
): Promise<void> {
  const client = adminClient(options.dir);
  const id = await idOf(client, named);
  const { approval } = await shownApproval(client, id);
  const { digest, arguments: before } = approval;
  if (typeof before !== "string") throw new Finding(`what waits as \`${id}\` cannot be opened`);
  if (options.digest !== undefined && options.digest !== digest) {
    throw new Finding(
      `\`${id}\` is not what you saw any more; look at it again with \`portcullis approvals show ${id}\``,
    );
  }
  const written = options.arguments === undefined ? await inEditor(before) : await inFile(options.arguments);
  // Editors end a file with a line feed, which is no part of what was meant.
  const after = before.endsWith("\n") ? written : written.replace(/\r?\n$/, "");
  if (after === before) throw new Finding("nothing was changed");
  const body = { digest: String(digest), arguments: after, ...reasonOf(options.reason) };
  const edited = await client.send("POST", `/approvals/${id}/edit`, body);
  print(options, edited, () =>
    [
      `${id} is revision ${String(edited["revision"])} now and waits for sign-off: ${signOffs(edited)}`,
      `digest ${String(edited["digest"])}`,
      "you have edited it, so others decide on it",
    ].join("\n"),
  );
}

async function inFile(path: string): Promise<string> {
  if (path === "-") return readAll(process.stdin);
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new OperatorError(`\`${path}\` cannot be read`);
  }
}

/** In a folder of its own that is gone afterwards: arguments may hold anything. */
async function inEditor(text: string): Promise<string> {
  const { VISUAL: visual, EDITOR: other } = process.env;
  const editor = visual ?? other;
  if (editor === undefined || !hasTerminal()) {
    throw new OperatorError(
      "there is no editor: set EDITOR and use a terminal, or name a file with --arguments",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "portcullis-edit-"));
  try {
    const path = join(folder, "arguments.json");
    await writeFile(path, text, { mode: 0o600 });
    const { status } = spawnSync("sh", ["-c", `${editor} "$1"`, "sh", path], { stdio: "inherit" });
    if (status !== 0) throw new OperatorError(`the editor (\`${editor}\`) failed, so nothing was changed`);
    return await readFile(path, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The id that `named` is, or is the beginning of. */
async function idOf(client: AdminClient, named: string): Promise<string> {
  const id = named.startsWith("apr_") ? named : `apr_${named}`;
  if (/^apr_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  if (!/^apr_[0-9a-f-]{1,35}$/.test(id))
    throw new OperatorError(`\`${named}\` is no approval's id, nor the beginning of one`);
  const found = await client.get("/approvals", { id, limit: "2" });
  const [first, second] = rowsOf(found["approvals"]);
  if (first === undefined)
    throw new Finding(
      `no approval's id begins with \`${id}\`; \`portcullis approvals list\` shows what waits`,
    );
  if (second !== undefined)
    throw new Finding(`the ids of several approvals begin with \`${id}\`; name more of it`);
  return String(first["id"]);
}

export async function shownApproval(client: AdminClient, id: string) {
  const answer = await client.get(`/approvals/${id}`);
  const view = approvalView.safeParse(answer["view"]);
  const { approval } = answer;
  if (!view.success || !isRow(approval)) {
    throw new OperatorError(
      "the gateway is of another version than this command; use the one that came with it",
    );
  }
  return { answer, approval, text: approvalText(view.data, terminalWidth()) };
}

/** Without being shown what it holds. */
async function summaryOf(client: AdminClient, id: string): Promise<Row> {
  const { approvals } = await client.get("/approvals", { id: id.slice(0, -1), limit: "16" });
  const found = rowsOf(approvals).find((one) => one["id"] === id);
  if (found === undefined)
    throw new Finding(`there is no approval \`${id}\`; \`portcullis approvals list\` shows what waits`);
  return found;
}

function reasonOf(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined || reason.trim() === "" ? {} : { reason };
}

function decided(options: GatewayOptions, approval: Row): void {
  const { id, state } = approval;
  print(options, approval, () =>
    state === "pending"
      ? `your vote counts; ${String(id)} still waits for sign-off: ${signOffs(approval)}`
      : `${String(id)} is ${String(state)}`,
  );
}

function signOffs(approval: Row): string {
  return rowsOf(approval["sign_offs"])
    .map(({ name, quorum, given }) => `${String(name)} ${String(given)} of ${String(quorum)}`)
    .join(", ");
}
