// `audit report`: the evidence of a period, from a log that is verified on the way.

import { Command, InvalidArgumentError } from "commander";
import { EvidenceCollector, type Period } from "portcullis-verify/report/evidence.ts";
import { csvHeader, csvRow } from "portcullis-verify/report/evidence-csv.ts";
import { evidenceMarkdown } from "portcullis-verify/report/evidence-markdown.ts";
import { OperatorError } from "../core/operator-error.ts";
import { Finding } from "./finding.ts";
import { withExample } from "./gateway-command.ts";
import { type VerifyOptions, withLog } from "./log-options.ts";

interface EvidenceOptions extends VerifyOptions {
  readonly from: number;
  readonly to?: number;
  readonly csv?: boolean;
  readonly json?: boolean;
}

export function evidenceCommand(): Command {
  const command = withLog(
    new Command("report").description(
      "the evidence of a period: decisions, sign-offs and who gave them, writes and what they rest on, administration, gaps",
    ),
  )
    .requiredOption(
      "--from <time>",
      "begin: a date, or a time with its zone (UTC where only a date is given)",
      instant,
    )
    .option("--to <time>", "end, which is not in it any more; default: now", instant)
    .option("--csv", "a line for each decision and event, for a spreadsheet; default: Markdown, to be read")
    .option("--json", "print JSON");
  return withExample(
    command,
    "portcullis audit report --from 2026-11-01 --to 2026-12-01 > november.md",
  ).action(report);
}

/** Throws a `Finding` when the log does not hold, after all is written. */
async function report(
  dir: string | undefined,
  { from, to = Date.now(), csv = false, json = false, ...options }: EvidenceOptions,
): Promise<void> {
  if (csv && json) throw new OperatorError("--csv and --json do not go together");
  if (from >= to) throw new OperatorError("--to has to be later than --from");
  const period: Period = { from, to };
  const write = (text: string): void => void process.stdout.write(text);
  const { verifyNamed } = await import("./log-verification.ts");
  const collector = new EvidenceCollector(period, csv ? (row) => write(csvRow(row)) : undefined);
  if (csv) write(csvHeader);
  const { report: verified } = await verifyNamed(dir, options, (entry, leaf) =>
    collector.observe(entry, leaf),
  );
  const { evidence } = collector;
  const { newest: checkpoint } = verified.log;
  if (json)
    write(
      `${JSON.stringify({ ...evidence, listed: Object.fromEntries(evidence.listed), verified }, null, 2)}\n`,
    );
  else if (!csv)
    write(evidenceMarkdown({ evidence, verified, checkpoint, madeAt: new Date().toISOString() }));
  if (!verified.ok) throw new Finding("the log does not hold; see `portcullis audit verify`");
}

const form = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

function instant(text: string): number {
  const time = form.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError(
      "it takes a date such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z",
    );
  return time;
}
