// `audit export`: a copy of the log for whoever is to check it elsewhere, and the same folder brought up to date later.

import { resolve } from "node:path";
import { Command } from "commander";
import { ProgressLine } from "portcullis-verify/report/progress-line.ts";
import { httpFetcher } from "portcullis-verify/source/http-fetcher.ts";
import { CopyFolder } from "../audit/copy/copy-folder.ts";
import { type CopyReport, copyLog } from "../audit/copy/copy-log.ts";
import { copyRefusalText } from "../audit/copy/copy-refusal.ts";
import { type CopySource, storeCopySource } from "../audit/copy/copy-source.ts";
import { fetchedCopySource } from "../audit/copy/fetched-copy-source.ts";
import { OperatorError } from "../core/operator-error.ts";
import { fetchPolicies } from "./fetched-policies.ts";
import { Finding } from "./finding.ts";
import { print, withExample } from "./gateway-command.ts";

interface ExportOptions {
  readonly out: string;
  readonly dir?: string;
  readonly config?: string;
  readonly fromUrl?: string;
  readonly token?: string;
  readonly vkey?: string;
  readonly json?: boolean;
}

export function exportCommand(): Command {
  const command = new Command("export")
    .description(
      "copy the log to a folder that can be checked anywhere; an earlier copy is brought up to date",
    )
    .requiredOption("--out <folder>", "the folder of the copy")
    .option("--dir <dir>", "the gateway's folder; default: the current one, or one above it")
    .option(
      "--config <file>",
      "a config, of whose log; default: the one in the gateway's folder, where it names a database",
    )
    .option("--from-url <url>", "the URL of a log instead, for example `https://gate.example/log`")
    .option("--token <token>", "sent to the server of the URL as bearer token; default: `PORTCULLIS_TOKEN`")
    .option("--vkey <key>", "the log's verifier key; default: that of the copy, or the one in the folder")
    .option("--json", "print JSON");
  return withExample(command, "portcullis audit export --out /media/audit-2026").action(exportLog);
}

async function exportLog(options: ExportOptions): Promise<void> {
  const out = resolve(options.out);
  const opened = await openSource(options);
  try {
    const report = await copied(opened.source, out, options.vkey ?? null);
    print(options, { path: out, ...report }, () => reportText(report, out));
  } finally {
    await opened.close();
  }
}

interface OpenSource {
  readonly source: CopySource;
  close(): Promise<void> | void;
}

async function openSource(options: ExportOptions): Promise<OpenSource> {
  const { dir, config, fromUrl, token = process.env["PORTCULLIS_TOKEN"] } = options;
  if (fromUrl !== undefined) {
    if (dir !== undefined || config !== undefined)
      throw new OperatorError("--from-url names where the log is; leave --dir and --config out");
    const files = httpFetcher(fromUrl, token === undefined ? {} : { token });
    const policies = (revision: string): Promise<string | null> => fetchPolicies(fromUrl, token, revision);
    return { source: fetchedCopySource(files, policies), close: () => {} };
  }
  const { logPlace } = await import("./log-place.ts");
  const place = await logPlace(dir, config);
  const record = await place.open();
  const policies = async (revision: string): Promise<string | null> =>
    (await record.revisions.byRevision(revision))?.content ?? null;
  return { source: storeCopySource(place.name, record.log, policies), close: () => record.close() };
}

async function copied(source: CopySource, out: string, vkey: string | null): Promise<CopyReport> {
  const progress = new ProgressLine((done, total) => `copied ${done} of ${total} entries`);
  try {
    const copy = await copyLog({
      source,
      to: new CopyFolder(out),
      vkey,
      onProgress: (done, total) => progress.show(done, total),
    });
    if (copy.ok) return copy.value;
    throw new Finding(copyRefusalText(copy.failure, source.place, out));
  } catch (fault) {
    if (fault instanceof Finding || fault instanceof OperatorError) throw fault;
    const why = fault instanceof Error ? fault.message : String(fault);
    throw new OperatorError(
      `the log in ${source.place} could not be copied to \`${out}\`: ${why}; run it again to go on`,
    );
  } finally {
    progress.clear();
  }
}

function reportText({ origin, entries, added, policies }: CopyReport, out: string): string {
  const lines = [
    `${out}: log ${origin}, ${entries} entries, of which ${added} are new`,
    `check it with \`portcullis audit verify ${out}\``,
  ];
  if (policies.missing.length > 0) {
    const names = policies.missing.map((revision) => revision.slice(0, 12)).join(", ");
    lines.push(
      `without ${policies.missing.length} revisions of policies that are not kept (${names}): what they decided cannot be evaluated again`,
    );
  }
  return lines.join("\n");
}
