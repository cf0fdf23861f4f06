// Pages of other sites do not use the admin API. They could not anyway, because it goes by a token that browsers do not send
// by themselves; this holds even for a page that has got hold of one.

import type { IncomingHttpHeaders } from "node:http";
import type { AdminFailure } from "./admin-error.ts";

/** Null for a page of our own, and for what is no browser. */
export function foreignSite(headers: IncomingHttpHeaders): AdminFailure | null {
  const { origin, host, "sec-fetch-site": site } = headers;
  // The browser's own word, which no script can change, also behind a proxy that renames the host.
  if (site === "same-origin" || site === "none") return null;
  if (site === undefined && (origin === undefined || hostOf(origin) === host?.toLowerCase())) return null;
  const message =
    "a page of another site cannot use the admin API; use it from no page, or from the gateway's own";
  return { code: "forbidden", message };
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
