// Which headers pass between client, gateway and upstream. Allow-lists both ways: what is not named here stays behind,
// credentials and cookies above all.

/** Lowercase names. */
export type HeadersOfOthers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the gateway itself says with every request. Flat, as undici takes it fastest. */
export const ownRequestHeaders: readonly string[] = [
  "content-type",
  "application/json",
  "accept",
  "application/json, text/event-stream",
  "accept-encoding",
  "identity",
  "user-agent",
  "portcullis",
];

/** Of the client's: what ties a call to its trace. Nothing that identifies, authorises or makes an upstream act. */
const fromClient = ["idempotency-key", "traceparent", "tracestate", "x-client-request-id"] as const;

/** Of the upstream's: what an SDK reads. Not its content type: what a body is read as is what it was inspected as. */
const fromUpstream = /^(?:retry-after|retry-after-ms|x-request-id|openai-[a-z-]+|x-ratelimit-[a-z-]+)$/;

/** Printable ASCII of a sane length: what any HTTP server can send on. */
const passableValue = /^[\x20-\x7e]{1,1024}$/;

/** The client's headers that go on, flat. */
export function clientHeaders(headers: HeadersOfOthers): readonly string[] {
  const passed: string[] = [];
  for (const name of fromClient) {
    const value = only(headers[name]);
    if (value !== null && passableValue.test(value)) passed.push(name, value);
  }
  return passed;
}

/** The value of a header that stands once. */
function only(values: HeadersOfOthers[string]): string | null {
  if (typeof values === "string") return values;
  return values?.length === 1 ? (values[0] ?? null) : null;
}

/** The upstream's headers that go on. A header sent twice does not: readers differ in which of the two counts. */
export function upstreamHeaders(headers: HeadersOfOthers): Readonly<Record<string, string>> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string" && fromUpstream.test(name) && passableValue.test(value))
      passed[name] = value;
  }
  return passed;
}
