// A collector that takes OTLP over HTTP in JSON and keeps what it was sent.

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

const anyValue = z.union([
  z.strictObject({ stringValue: z.string() }).transform((value) => value.stringValue),
  z.strictObject({ boolValue: z.boolean() }).transform((value) => value.boolValue),
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }).transform((value) => Number(value.intValue)),
  z.strictObject({ doubleValue: z.number() }).transform((value) => value.doubleValue),
  z
    .strictObject({
      arrayValue: z.strictObject({ values: z.array(z.strictObject({ stringValue: z.string() })) }),
    })
    .transform((value) => value.arrayValue.values.map((one) => one.stringValue)),
]);

const attributes = z
  .array(z.strictObject({ key: z.string(), value: anyValue }))
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])));

const span = z.strictObject({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  name: z.string().min(1),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: z.string().regex(/^\d{19}$/),
  endTimeUnixNano: z.string().regex(/^\d{19}$/),
  attributes,
  status: z.strictObject({ code: z.int().min(0).max(2).optional() }),
});

/** As opentelemetry/proto/collector/trace/v1 has it in JSON. */
const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(span),
        }),
      ),
    }),
  ),
});

export type CollectedSpan = z.infer<typeof span>;

export interface Collector {
  readonly endpoint: string;
  readonly port: number;
  readonly spans: CollectedSpan[];
  readonly resources: Readonly<Record<string, unknown>>[];
  readonly headers: NodeJS.Dict<string | string[]>[];
  /** Bodies as they came. */
  readonly texts: string[];
  /** How the next requests are answered; by default with 200. */
  answer: (response: ServerResponse) => void;
  /** Resolves when there are as many spans of this name. */
  has(name: string, count: number): Promise<readonly CollectedSpan[]>;
  close(): void;
}

export async function startCollector(): Promise<Collector> {
  const server = createServer((incoming, response) => {
    let text = "";
    incoming.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    incoming.on("end", () => {
      collector.headers.push(incoming.headers);
      collector.texts.push(text);
      for (const { resource, scopeSpans } of request.parse(JSON.parse(text)).resourceSpans) {
        collector.resources.push(resource.attributes);
        collector.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
      }
      collector.answer(response);
      server.emit("collected");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const collector: Collector = {
    endpoint: `http://127.0.0.1:${port}/v1/traces`,
    port,
    spans: [],
    resources: [],
    headers: [],
    texts: [],
    answer: (response) => void response.writeHead(200, { "content-type": "application/json" }).end("{}"),
    has: async (name, count) => {
      const named = () => collector.spans.filter((one) => one.name === name);
      while (named().length < count) await once(server, "collected", { signal: AbortSignal.timeout(20_000) });
      return named();
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return collector;
}
