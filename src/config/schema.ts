// The shape of portcullis.yaml. Strict: an unknown key is an error. The descriptions say what each key means.

import { z } from "zod";
import { approvals } from "./approvals-schema.ts";
import { limits } from "./limits-schema.ts";
import {
  databaseUrl,
  folder,
  httpUrl,
  identifier,
  listenAddress,
  modelName,
  person,
  proxyRange,
  secretReference,
  target,
} from "./names.ts";
import { egress, metrics, otlp, tls } from "./operations-schema.ts";
import { durationMs, keptMs, timerMs } from "./units.ts";
import { witnesses, witnessPolicy } from "./witnesses-schema.ts";

const server = z
  .strictObject({
    listen: listenAddress
      .default("127.0.0.1:8787")
      .describe(
        "Address and port. Port 0 takes a free one. Anything but loopback needs `tls` or `trusted_proxies`.",
      ),
    public_url: httpUrl
      .optional()
      .describe("Where clients and people reach the gateway. Left out: the listen address."),
    trusted_proxies: z
      .array(proxyRange)
      .default([])
      .describe(
        "Reverse proxies whose `X-Forwarded-For` counts. They terminate TLS where `tls` is left out.",
      ),
    tls,
  })
  .prefault({})
  .describe("Where the gateway is reached.");

const policies = z
  .strictObject({
    path: folder.default("./policies").describe("Folder of the `.cedar` files, relative to this file."),
    activate: z
      .enum(["on_change", "on_start"])
      .optional()
      .describe(
        "`on_change` loads the folder again when it has changed and is valid; `on_start` reads it once. Left out: `on_change` on loopback, `on_start` beyond it, where whoever can write the folder could otherwise lift a rule at once; signed manifests do not exist yet.",
      ),
  })
  .prefault({})
  .describe("The rules, in Cedar: see [policies](policies.md).");

const openaiProvider = z.strictObject({
  type: z.literal("openai").describe("Any upstream that speaks OpenAI's API."),
  base_url: httpUrl.describe("Including the version, for example `https://api.openai.com/v1`."),
  api_key: secretReference
    .optional()
    .describe("Reference to the provider's key. Without a value in the store the provider is unavailable."),
  models: z
    .array(modelName)
    .optional()
    .describe("The models that may be called. Left out: any model name is passed on."),
  allow_private_addresses: z
    .boolean()
    .default(false)
    .describe(
      "Allow a `base_url` whose name resolves to a private address. A literal private address or `localhost` in `base_url` is allowed as written.",
    ),
  stream_usage: z
    .enum(["ask", "never"])
    .default("ask")
    .describe(
      "Whether to ask for usage on streams (`stream_options.include_usage`) when the client did not. `never` is for upstreams that refuse the field.",
    ),
  timeout: timerMs
    .prefault("10m")
    .describe("From sending the request to the first byte of the answer, and between two parts of it."),
  idle_timeout: timerMs.optional().describe("Between two parts of the answer. Left out: `timeout`."),
  connect_timeout: timerMs.prefault("10s").describe("For the connection to the provider."),
  prices_as: identifier.optional().describe("Provider id in the price data. Left out: this provider's name."),
});

const demoProvider = z.strictObject({
  type: z
    .literal("demo")
    .describe("The built-in model that calls nobody: deterministic, for trying things out."),
});

const alias = z.strictObject({
  name: modelName
    .refine((name) => !name.includes("/"), "an alias has no `/`; that form is for PROVIDER/MODEL")
    .describe("What clients write as `model`."),
  targets: z
    .array(target)
    .min(1)
    .max(16)
    .describe(
      "Tried in this order; the next one when the one before cannot be reached, answers 429 or fails.",
    ),
  retries: z
    .int()
    .min(0)
    .max(5)
    .default(0)
    .describe(
      "How often each target is asked again after a failure that may pass, before the first byte of an answer; see [providers](providers.md).",
    ),
  timeout: timerMs
    .optional()
    .describe(
      "In place of the provider's `timeout`: for each try, from sending the request to the first byte of the answer.",
    ),
  total_timeout: timerMs
    .optional()
    .describe("All tries, waits and the whole answer together, streams included. Left out: `limits.time`."),
});

const signOff = z.strictObject({
  approvers: z
    .array(person.meta({ title: "e-mail address or `group:NAME`" }))
    .min(1)
    .describe("People, or groups of `groups` as `group:NAME`."),
  quorum: z.int().min(1).max(20).default(1).describe("How many different approvers must agree."),
  decide_within: durationMs.prefault("1h").describe("How long an approval waits for its votes."),
  use_within: durationMs.prefault("15m").describe("How long an approved action may still be released."),
});

const tool = z.strictObject({
  effect: z
    .enum(["read", "write"])
    .describe("What the tool does. `read` counts only together with the `digest` of its definition."),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, "write sha256: and 64 hexadecimal digits")
    .optional()
    .meta({ title: "`sha256:` and 64 hexadecimal digits" })
    .describe(
      "Digest of name, description and parameters, as `portcullis tools pin` writes it. A tool that has drifted from it is `write`.",
    ),
  parameters: z
    .record(z.string(), z.json())
    .optional()
    .meta({ title: "JSON Schema" })
    .describe(
      "The tool's arguments, as clients offer them to the model. Policies then see them under `context.arguments`, a call that gives anything else is denied, and a tool that is offered with other parameters has drifted: it is `write`. See [policies](policies.md).",
    ),
  unattended: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .describe("Why this tool may write without a sign-off. Recorded with every use."),
});

const payloadLevel = z.enum(["none", "metadata", "request", "response"]);

const application = z.strictObject({
  name: identifier.describe("What keys are made for; policies see it as the principal."),
  groups: z
    .array(identifier)
    .default([])
    .describe("Groups that it is in, for policies. They need no entry in `groups`, which lists people."),
  environment: z
    .string()
    .max(64)
    .default("")
    .describe("For example `production`; policies see it as `principal.environment`."),
  owner: z
    .string()
    .max(200)
    .default("")
    .describe("Who answers for it; policies see it as `principal.owner`."),
  payloads: payloadLevel
    .optional()
    .describe("What is kept, encrypted, beside the trail. Left out: `audit.payloads`."),
  keep_payloads: keptMs
    .optional()
    .describe("How long that is kept; the trail itself stays. Left out: `audit.keep_payloads`."),
});

const price = z.strictObject({
  input: z.number().nonnegative().describe("USD per million input tokens."),
  output: z.number().nonnegative().describe("USD per million output tokens."),
  cached_input: z
    .number()
    .nonnegative()
    .optional()
    .describe("USD per million input tokens read from the provider's cache. Left out: `input`."),
});

export const configSchema = z.strictObject({
  server,
  data: folder
    .default("./data")
    .describe(
      "Folder of the database and of `operator.json`, relative to this file. With `database` it holds `operator.json` alone.",
    ),
  database: databaseUrl
    .optional()
    .describe(
      "A PostgreSQL database in place of the one in `data`, as postgres://USER@HOST:PORT/DATABASE: several gateways can share it. The password comes from PGPASSWORD or PGPASSFILE. A server that is not on this machine needs `?sslmode=verify-full` (with `sslrootcert=FILE` where its CA is your own), or `?sslmode=disable`. See [operations](operations.md). Left out: SQLite.",
    ),
  keys: folder
    .default("./keys")
    .describe(
      "Folder of the key-encryption key and the log's signing key, relative to this file. It must not lie in `data`; keep it out of backups of `data`.",
    ),
  policies,
  providers: z
    .record(identifier, z.discriminatedUnion("type", [openaiProvider, demoProvider]))
    .prefault({})
    .describe("Where models come from, by the name that stands before the `/` of PROVIDER/MODEL."),
  models: z
    .array(alias)
    .default([])
    .describe("Aliases. Any PROVIDER/MODEL of a configured provider can be called without one."),
  groups: z
    .record(identifier, z.array(person))
    .default({})
    .describe("The people in each group, by e-mail address."),
  sign_offs: z
    .record(identifier, signOff)
    .prefault({})
    .describe(
      "What policies can ask for before something happens. `default` exists always: one of `group:operators`.",
    ),
  tools: z
    .record(z.string().min(1).max(128), tool)
    .default({})
    .describe("The catalog: what tools that clients run themselves do. One that is not listed is `write`."),
  applications: z.array(application).default([]).describe("Who may hold API keys."),
  prices: z
    .record(z.string().meta({ title: "PROVIDER/MODEL" }), price)
    .default({})
    .describe("Prices by PROVIDER/MODEL, over those of the price data."),
  audit: z
    .strictObject({
      witnesses,
      witness_policy: witnessPolicy,
      payloads: payloadLevel
        .default("metadata")
        .describe("What is kept, encrypted, beside the trail. Each value includes those before it."),
      keep_payloads: keptMs
        .prefault("forever")
        .describe(
          "How long that is kept. Looked at when the gateway starts and every ten minutes; what is removed is on the trail, which itself stays.",
        ),
      public_log: z
        .boolean()
        .default(false)
        .describe(
          "Whether everybody may read the log at `/log/` (tlog-tiles). Otherwise it takes an operator's token. Entries hold no bodies and no names.",
        ),
    })
    .prefault({})
    .describe("The trail."),
  approvals,
  limits,
  metrics,
  telemetry: z.strictObject({ otlp }).prefault({}).describe("What is told to other systems about calls."),
  egress,
  log: z
    .strictObject({
      level: z
        .enum(["debug", "info", "warn", "error"])
        .default("info")
        .describe("The least serious messages that are written, to standard error."),
    })
    .prefault({})
    .describe("The gateway's own log. It is not the trail."),
});

/** The file as it is read: durations in milliseconds, sizes in bytes, defaults filled in. */
export type Config = z.infer<typeof configSchema>;
export type ProviderConfig = Config["providers"][string];
export type OpenAiProviderConfig = Extract<ProviderConfig, { type: "openai" }>;
