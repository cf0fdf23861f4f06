// Listening where the config says, with a refusal in words where that cannot be.

import { OperatorError } from "../core/operator-error.ts";
import type { HttpServer } from "../http/server.ts";

/** Resolves with the URL. `key` is the config's for this address. Throws `OperatorError`. */
export async function listen(
  server: Pick<HttpServer, "listen">,
  address: string,
  key: string,
): Promise<string> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  try {
    return await server.listen(host, Number(address.slice(colon + 1)));
  } catch (fault) {
    const code = fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
    throw new OperatorError(`cannot listen on \`${address}\` (${code}); change \`${key}\``);
  }
}
