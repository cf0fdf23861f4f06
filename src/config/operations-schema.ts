// The part of portcullis.yaml's shape that is about running the gateway: TLS, metrics, traces and the way out.

import { z } from "zod";
import {
  file,
  headerName,
  httpUrl,
  listenAddress,
  proxyException,
  proxyUrl,
  secretReference,
} from "./names.ts";

export const tls = z
  .strictObject({
    cert: file.describe("Certificate chain in PEM, the server's own first."),
    key: file.describe(
      "Its private key in PEM, without a passphrase. Nobody but the gateway should read it.",
    ),
    client_ca: file
      .optional()
      .describe(
        "With it every client, health checks too, must show a certificate that one of these has signed.",
      ),
  })
  .optional()
  .describe("TLS 1.2 and 1.3. The files are relative to this one and read at start and on SIGHUP.");

export const metrics = z
  .strictObject({
    listen: listenAddress.describe(
      "Address and port, apart from the server's. Anything but loopback needs `token`.",
    ),
    token: secretReference.optional().describe("What a scraper has to send as `Authorization: Bearer`."),
  })
  .optional()
  .describe(
    "Prometheus metrics at `/metrics`. Left out: none are served. See [observability](observability.md).",
  );

export const otlp = z
  .strictObject({
    endpoint: httpUrl.describe(
      "Where traces are sent, for example `http://localhost:4318/v1/traces`: OTLP over HTTP, in JSON.",
    ),
    headers: z
      .record(headerName, secretReference)
      .default({})
      .describe("Headers to send with them, for example an API key of the collector's."),
    sample: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe(
        "Share of the calls that are traced, of those that come without a trace; others follow their `traceparent`.",
      ),
    service_name: z.string().min(1).max(200).default("portcullis").describe("`service.name` of the traces."),
    allow_private_addresses: z
      .boolean()
      .default(false)
      .describe("Allow a name in `endpoint` that resolves to a private address, as for providers."),
  })
  .optional()
  .describe("OpenTelemetry traces. Left out: none are made.");

export const egress = z
  .strictObject({
    proxy: proxyUrl
      .optional()
      .describe(
        "Proxy through which providers and collectors are reached, by `CONNECT`. Variables such as `HTTPS_PROXY` do not count.",
      ),
    proxy_credentials: secretReference
      .optional()
      .describe("The secret `USER:PASSWORD` for the proxy (basic authentication)."),
    no_proxy: z
      .array(proxyException)
      .default([])
      .describe("What is reached without the proxy. Loopback always is."),
    ca: file
      .optional()
      .describe(
        "Certificates in PEM that are trusted besides those of Node. Relative to this file; read at start and when the config has changed.",
      ),
  })
  .prefault({})
  .describe("How the gateway reaches others.");
