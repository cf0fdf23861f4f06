// The command `portcullis-verify`: checks a copy of a log, or one behind a URL, and says what was checked and found.

import { parseArgs } from "node:util";
import { checkedText, ProgressLine } from "../report/progress-line.ts";
import { reportText } from "../report/report-text.ts";
import { printable } from "../report/terminal-text.ts";
import { FetchError } from "../source/tile-fetcher.ts";
import { verifyCopy } from "./verify-copy.ts";

const help = `Usage: portcullis-verify <dir|url> [--vkey KEY|FILE] [--pin FILE] [--token TOKEN] [--json]

Checks the log of a Portcullis gateway: an exported folder, or the URL under which its tiles are served.

  --vkey KEY|FILE  the log's verifier key; default: the one it names itself, which proves nothing against its owner
  --pin FILE       the head that was seen the last time, and is kept for the next; default: a file of your own for each log
  --token TOKEN    sent to the server as bearer token; default: what PORTCULLIS_TOKEN says
  --json           print JSON

Exit code: 0 it holds, 1 evidence of tampering, 2 it could not be checked.

Example:
  portcullis-verify ./export --vkey log.vkey`;

/** The exit code. Nothing in it ends the process. */
export async function runVerify(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const asked = parsed(argv);
  if (typeof asked === "string") return couldNot(`${asked} (--help says how it is used)`);
  const { values, positionals } = asked;
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [place, ...more] = positionals;
  if (place === undefined || more.length > 0)
    return couldNot("name one folder or URL (--help says how it is used)");
  const progress = new ProgressLine(checkedText);
  const { vkey, pin, token = env["PORTCULLIS_TOKEN"] } = values;
  try {
    const checked = await verifyCopy(place, {
      ...{ vkey, pin, token },
      onProgress: (done, size) => progress.show(done, size),
    });
    progress.clear();
    if (!checked.ok) return couldNot(checked.failure);
    const { report, pin: path } = checked.value;
    console.log(values.json ? JSON.stringify(report, null, 2) : reportText(report, path));
    return report.ok ? 0 : 1;
  } catch (fault) {
    progress.clear();
    if (fault instanceof FetchError) return couldNot(fault.message);
    throw fault;
  }
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        vkey: { type: "string" },
        pin: { type: "string" },
        token: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

function couldNot(why: string): number {
  console.error(`portcullis-verify: ${printable(why)}`);
  return 2;
}

if (import.meta.main) process.exitCode = await runVerify(process.argv.slice(2), process.env);
