// The running gateway, the address it has or would have, and (only when asked) its providers.

import { createServer } from "node:net";
import { join } from "node:path";
import { Agent, request } from "undici";
import type { DataUse } from "../../compose.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { OpenAiProviderConfig } from "../../config/schema.ts";
import { readOperatorFile } from "../../identity/operator-token.ts";
import { guardedLookup } from "../../providers/egress.ts";
import { type DoctorFinding, ok, problem, skipped, warning } from "./finding.ts";

const answerMs = 5_000;

export async function gatewayChecks(
  loaded: LoadedConfig,
  use: DataUse | null,
): Promise<readonly DoctorFinding[]> {
  if (use?.held !== true) {
    const none = [skipped("lock", "no gateway has the data folder"), skipped("gateway", "none is running")];
    return [...none, ...(await portCheck(loaded.config.server.listen))];
  }
  const who = use.process === null ? "a gateway" : `process ${use.process}`;
  const { url } = readOperatorFile(join(loaded.dataFolder, "operator.json"));
  return [ok("lock", `${who} has the data folder`), ...(await reachableCheck(url))];
}

async function reachableCheck(url: string): Promise<readonly DoctorFinding[]> {
  const check = "gateway";
  try {
    const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(answerMs) });
    if (status === 200) return [ok(check, `${url} answers and is ready`)];
    return [
      problem(
        check,
        `${url} answers and is not ready (${status})`,
        "the trail takes no entries, or it drains; its log says why, and it goes on by itself when the cause is gone",
      ),
    ];
  } catch {
    return [
      problem(
        check,
        `the data folder is held, and ${url} does not answer within ${answerMs / 1000} s`,
        "it may be starting; otherwise look at its log, and end it with SIGTERM",
      ),
    ];
  }
}

async function portCheck(listen: string): Promise<readonly DoctorFinding[]> {
  const check = "port";
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, "");
  const code = await listenFault(host, Number(listen.slice(colon + 1)));
  if (code === null) return [ok(check, `\`${listen}\` can be listened on`)];
  return [
    problem(
      check,
      `\`${listen}\` cannot be listened on (${code})`,
      "end what has it, or change `server.listen`; ports below 1024 need a right of their own",
    ),
  ];
}

/** Null, or the system's error. */
function listenFault(host: string, port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (fault: NodeJS.ErrnoException) => resolve(fault.code ?? "unknown"));
    server.listen({ host, port }, () => server.close(() => resolve(null)));
  });
}

/** Sends each provider one request without a key and without content, when `asked`. */
export async function providerChecks(
  { config }: LoadedConfig,
  asked: boolean,
): Promise<readonly DoctorFinding[]> {
  const providers = Object.entries(config.providers).flatMap(([name, one]) =>
    one.type === "openai" ? [[name, one] as const] : [],
  );
  if (providers.length === 0) return [skipped("providers", "none is configured but the demo")];
  if (!asked)
    return [skipped("providers", "not called; `--providers` sends each of them a request without a key")];
  return Promise.all(providers.map(([name, provider]) => providerCheck(name, provider)));
}

async function providerCheck(name: string, provider: OpenAiProviderConfig): Promise<DoctorFinding> {
  const check = `provider ${name}`;
  const lookup = guardedLookup(provider.allow_private_addresses);
  const dispatcher = new Agent({ connect: { timeout: provider.connect_timeout, lookup } });
  try {
    const { statusCode, body } = await request(`${provider.base_url.replace(/\/+$/, "")}/models`, {
      dispatcher,
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
    });
    await body.dump();
    const says = `${provider.base_url} answers (${statusCode})`;
    if (statusCode < 500) return ok(check, says);
    return warning(check, says, "it is reached and has a fault of its own");
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : String(fault);
    return problem(
      check,
      `${provider.base_url} cannot be reached (${code})`,
      "check `base_url`, the name's addresses, and what stands between (firewall, proxy)",
    );
  } finally {
    await dispatcher.destroy();
  }
}
