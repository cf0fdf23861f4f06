// The files of a log behind a URL. The server is not trusted with anything: it may send what it likes, as much and as slowly as
// it likes, and gets neither more memory nor more time for it than its files need.

import { setTimeout as wait } from "node:timers/promises";
import { FetchError, filePath, type LogFile, maxBytesOf, type TileFetcher } from "./tile-fetcher.ts";

export interface HttpOptions {
  /** Sent as bearer token. */
  readonly token?: string;
  /** For one file, from the request to its last byte. */
  readonly timeoutMs?: number;
  /** How often a file is asked for that does not come. */
  readonly tries?: number;
}

/** Whatever is asked for at a time, the server sees no more than so many requests. */
const maxRequests = 16;
const defaultTimeoutMs = 60_000;
const defaultTries = 5;
const firstPauseMs = 250;

/** `url`: the prefix under which the log's files are, for example `https://gate.example/log`. Throws `FetchError`. */
export function httpFetcher(url: string, options: HttpOptions = {}): TileFetcher {
  const base = baseUrl(url);
  const turns = new Turns(maxRequests);
  return {
    place: `\`${base.href}\``,
    fetch: (file) => turns.run(() => fetchPatiently(new URL(filePath(file), base), file, options)),
  };
}

export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function baseUrl(text: string): URL {
  if (!isHttpUrl(text) || !URL.canParse(text)) throw new FetchError(`\`${text}\` is no http or https URL`);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new FetchError("the URL of a log has no user, no query and no fragment; give a token with --token");
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

async function fetchPatiently(url: URL, file: LogFile, options: HttpOptions): Promise<Uint8Array | null> {
  const { tries = defaultTries } = options;
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetchOnce(url, file, options);
    if (answer.status === "found") return answer.bytes;
    if (answer.status === "missing") return null;
    if (answer.status === "refused" || attempt >= tries)
      throw new FetchError(`\`${url.href}\`: ${answer.why}`);
    await wait(firstPauseMs * 2 ** (attempt - 1));
  }
}

type Answer =
  | { readonly status: "found"; readonly bytes: Uint8Array }
  | { readonly status: "missing" }
  /** `failed` may go better another time. */
  | { readonly status: "refused" | "failed"; readonly why: string };

async function fetchOnce(url: URL, file: LogFile, options: HttpOptions): Promise<Answer> {
  const { token, timeoutMs = defaultTimeoutMs } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      // Another place is another log: whoever checks one says where it is.
      redirect: "manual",
      signal,
      headers: {
        // c2sp.org/tlog-tiles: bundles may come compressed, asked for or not.
        "accept-encoding": "gzip, identity",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    const unusable = unusableAnswer(response, url);
    if (unusable !== null) {
      await response.body?.cancel();
      return unusable;
    }
    return await bodyOf(response, maxBytesOf(file));
  } catch (fault) {
    if (signal.aborted) return { status: "failed", why: `it did not come within ${timeoutMs / 1_000} s` };
    return { status: "failed", why: `it could not be fetched: ${inWords(fault)}` };
  }
}

/** Types under which servers of files send what they know nothing of, besides those of the specification. */
const types: ReadonlySet<string> = new Set(["text/plain", "application/octet-stream", "binary/octet-stream"]);

/** Null when the body is worth reading. */
function unusableAnswer({ status, headers }: Response, url: URL): Answer | null {
  if (status === 404 || status === 410) return { status: "missing" };
  if (status === 401 || status === 403) {
    return { status: "refused", why: `the server refuses it (${status}); give a token with --token` };
  }
  if (status >= 300 && status < 400) {
    const to = URL.parse(headers.get("location") ?? "", url.href)?.href ?? "nowhere";
    return {
      status: "refused",
      why: `it redirects to \`${to}\`, which is not followed; name that place itself`,
    };
  }
  if (status === 429 || status >= 500) return { status: "failed", why: `the server answers ${status}` };
  if (status !== 200) return { status: "refused", why: `the server answers ${status}` };
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "" || types.has(type)
    ? null
    : {
        status: "refused",
        why: `it comes as \`${type}\`, which no file of a log is; is this the URL of a log?`,
      };
}

/** What it unpacks to is counted, not what is sent. */
async function bodyOf({ body }: Response, maxBytes: number): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxBytes)
      return { status: "refused", why: `it has more than the ${maxBytes} bytes that it may have` };
    chunks.push(chunk);
  }
  return { status: "found", bytes: Buffer.concat(chunks, length) };
}

/** What fetch says is in the cause. */
function inWords(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault);
  return fault.cause instanceof Error ? fault.cause.message : fault.message;
}

/** Lets a number of tasks run at a time; the others wait in the order in which they came. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<Value>(task: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
