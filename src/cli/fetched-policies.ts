// Policies of the past, from where a log is read: a copy of one has them beside it, a gateway in its admin API. Whoever asks
// holds them against their hash.

import { FetchError } from "portcullis-verify/source/tile-fetcher.ts";

const timeoutMs = 60_000;
const maxBytes = 64 * 1024 * 1024;

/** Null when the server has none. Rejects with `FetchError` when that cannot be known. `url` is that of the log. */
export async function fetchPolicies(
  url: string,
  token: string | undefined,
  revision: string,
): Promise<string | null> {
  const base = new URL(url.replace(/\/*$/, "/"));
  const kept = await fetchText(new URL(`revisions/${revision}.json`, base), token);
  if (kept !== null) return kept;
  const answer = await fetchText(new URL(`../api/policies/${revision}`, base), token);
  return answer === null ? null : contentIn(answer);
}

async function fetchText(url: URL, token: string | undefined): Promise<string | null> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    // What this server does not have or give may be asked for elsewhere, by whoever wants to evaluate again.
    if (response.status >= 300 && response.status < 500) {
      await response.body?.cancel();
      return null;
    }
    if (response.status !== 200) throw new Error(`the server answers ${response.status}`);
    return await bodyOf(response);
  } catch (fault) {
    throw new FetchError(`\`${url.href}\`: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
}

async function bodyOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`it has more than the ${maxBytes} bytes that it may have`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString("utf8");
}

function contentIn(answer: string): string | null {
  try {
    const parsed: unknown = JSON.parse(answer);
    const content =
      typeof parsed === "object" && parsed !== null && "content" in parsed ? parsed.content : null;
    return typeof content === "string" ? content : null;
  } catch {
    return null;
  }
}
