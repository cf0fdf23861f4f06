// `audit verify`: works on the data alone, a running gateway's or a copy's, with nothing but the log's public key.

import { Command } from "commander";
import { reportText } from "portcullis-verify/report/report-text.ts";
import { Finding } from "./finding.ts";
import { type GatewayOptions, print, withExample } from "./gateway-command.ts";
import { type VerifyOptions, withLog } from "./log-options.ts";

export function verifyCommand(): Command {
  const command = new Command("verify").description(
    "check the log: nothing removed or rewritten, every call decided before and completed once",
  );
  return withExample(
    withLog(command).option("--json", "print JSON"),
    "portcullis audit verify ./data",
  ).action(verifyTrail);
}

/** Prints what was found; throws a `Finding` when it does not hold. */
export async function verifyTrail(
  dir: string | undefined,
  options: VerifyOptions & GatewayOptions,
): Promise<void> {
  const { verifyNamed } = await import("./log-verification.ts");
  const { report, pin } = await verifyNamed(dir, options);
  print(options, report, () => reportText(report, pin));
  if (!report.ok) throw new Finding("");
}
