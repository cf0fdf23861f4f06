// The address of a PostgreSQL database as it may be written in the config: no password, and no way to an open network
// without TLS that was not asked for by name.

import { isLoopback } from "./listen.ts";

/** What may stand behind the `?`: of the client's own parameters those that the gateway does not set itself. */
const parameters = ["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/** Why this is not taken, or null. What is written can hold a password, so nothing of it is repeated. */
export function databaseFault(written: string): string | null {
  const url = URL.parse(written);
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    return "write postgres://USER@HOST:PORT/DATABASE";
  }
  if (url.password !== "" || url.searchParams.has("password")) {
    return "the URL holds a password; take it out and set PGPASSWORD or PGPASSFILE";
  }
  if (!/^\/[^/]+$/.test(url.pathname))
    return "the URL names no database; write postgres://USER@HOST:PORT/DATABASE";
  if (url.hash !== "") return "the URL has a fragment; take away the part from `#` on";
  for (const name of url.searchParams.keys()) {
    if (!parameters.includes(name))
      return `of parameters only ${parameters.map((one) => `\`${one}\``).join(", ")} are known`;
  }
  return tlsFault(url);
}

function tlsFault(url: URL): string | null {
  const mode = url.searchParams.get("sslmode");
  if (mode === "verify-full" || mode === "disable") return null;
  if (mode !== null) return "`sslmode` is `verify-full` or `disable`";
  const host = url.searchParams.get("host") ?? url.hostname;
  const isLocal = host.startsWith("/") || (host !== "" && isLoopback(`${host}:0`));
  return isLocal
    ? null
    : "the server is not on this machine; add `?sslmode=verify-full`, or `?sslmode=disable` where the network is safe";
}
