// The shape of portcullis.yaml. Strict: an unknown key is an error. The descriptions say what each key means.

import { z } from "zod";
import { durationMs, sizeBytes } from "./units.ts";

const identifier = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    "use 1 to 64 of a-z, 0-9, `.`, `_`, `-`, starting and ending with a letter or digit",
  );

const modelName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, "use printable ASCII without spaces");

const secretReference = z
  .string()
  .regex(
    /^secret:\/\/[a-z0-9][a-z0-9._/-]{0,126}[a-z0-9](?:#[a-z0-9_-]{1,64})?$/,
    "write a reference such as `secret://providers/openai`; put the value in with `portcullis secrets set`",
  );

const server = z
  .strictObject({
    listen: z
      .string()
      .regex(/^(?:\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, "write HOST:PORT, for example 127.0.0.1:8787")
      .default("127.0.0.1:8787")
      .describe("Address and port. Port 0 takes a free one. Anything but loopback needs `trusted_proxies`."),
    public_url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("Where clients and people reach the gateway; default: http:// and the listen address."),
    trusted_proxies: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Addresses or CIDR ranges of reverse proxies whose X-Forwarded-For counts. They terminate TLS.",
      ),
  })
  .prefault({});

const policies = z
  .strictObject({
    path: z.string().min(1).default("./policies").describe("Folder of .cedar files, relative to this file."),
    activate: z
      .enum(["on_change", "on_start"])
      .default("on_change")
      .describe(
        "`on_change` loads the folder again when it has changed and is valid; `on_start` reads it once.",
      ),
  })
  .prefault({});

const openaiProvider = z.strictObject({
  type: z.literal("openai").describe("Any upstream that speaks OpenAI's API."),
  base_url: z
    .url({ protocol: /^https?$/ })
    .describe("Including the version, for example https://api.openai.com/v1."),
  api_key: secretReference
    .optional()
    .describe("Reference to the provider's key. Without a value in the store the provider is unavailable."),
  models: z
    .array(modelName)
    .optional()
    .describe("The models that may be called; without it any model name is passed on."),
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
  timeout: durationMs
    .default(600_000)
    .describe("From sending the request to the first byte of the answer, and between two parts of it."),
  connect_timeout: durationMs.default(10_000).describe("For the connection to the provider."),
  prices_as: identifier
    .optional()
    .describe("Provider id in the price data, where it differs from this provider's name."),
});

const demoProvider = z.strictObject({
  type: z
    .literal("demo")
    .describe("The built-in model that calls nobody: deterministic, for trying things out."),
});

const target = z.string().regex(/^[^/\s]+\/\S+$/, "write PROVIDER/MODEL");

const alias = z.strictObject({
  name: modelName.refine(
    (name) => !name.includes("/"),
    "an alias has no `/`; that form is for PROVIDER/MODEL",
  ),
  targets: z
    .array(target)
    .min(1)
    .max(16)
    .describe(
      "Tried in this order; the next one when the one before cannot be reached, answers 429 or fails.",
    ),
});

const signOff = z.strictObject({
  approvers: z.array(z.string().min(1)).min(1).describe("Users, or groups as `group:NAME`."),
  quorum: z.int().min(1).max(20).default(1).describe("How many different approvers must agree."),
  decide_within: durationMs.default(3_600_000).describe("How long an approval waits for its votes."),
  use_within: durationMs.default(900_000).describe("How long an approved action may still be released."),
});

const tool = z.strictObject({
  effect: z
    .enum(["read", "write"])
    .describe("What the tool does. `read` counts only together with the `digest` of its definition."),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, "write sha256: and 64 hexadecimal digits")
    .optional()
    .describe("Digest of name, description and parameters; a tool that has drifted from it is `write`."),
  parameters: z.record(z.string(), z.json()).optional().describe("JSON Schema of the arguments."),
  unattended: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .describe("Why this tool may write without a sign-off. Recorded with every use."),
});

const application = z.strictObject({
  name: identifier,
  groups: z.array(identifier).default([]),
  environment: z
    .string()
    .min(1)
    .max(64)
    .default("")
    .describe("For example `production`; policies see it as `principal.environment`."),
  owner: z
    .string()
    .max(200)
    .default("")
    .describe("Who answers for it; policies see it as `principal.owner`."),
  payloads: z
    .enum(["none", "metadata", "request", "response"])
    .optional()
    .describe(
      "What is kept, encrypted, beside the trail; default: `audit.payloads`. Each value includes those before it.",
    ),
});

const price = z.strictObject({
  input: z.number().nonnegative().describe("USD per million input tokens."),
  output: z.number().nonnegative().describe("USD per million output tokens."),
  cached_input: z
    .number()
    .nonnegative()
    .optional()
    .describe("USD per million input tokens read from the provider's cache; default: `input`."),
});

const limits = z
  .strictObject({
    body: sizeBytes.default(20 * 1024 * 1024).describe("Largest request body."),
    response: sizeBytes
      .default(20 * 1024 * 1024)
      .describe("Largest answer that is not streamed, and most that is held back of a stream."),
    depth: z.int().min(4).max(512).default(64).describe("Deepest nesting of JSON."),
    headers: sizeBytes.default(16 * 1024).describe("All request headers together."),
    concurrency: z.int().min(1).max(100_000).default(2000).describe("Calls worked on at once."),
    queue: z
      .int()
      .min(0)
      .max(100_000)
      .default(2000)
      .describe("Calls that wait for their turn; beyond it 503."),
    drain: durationMs.default(30_000).describe("How long running calls may take to finish after SIGTERM."),
  })
  .prefault({});

export const configSchema = z.strictObject({
  server,
  data: z.string().min(1).default("./data").describe("Folder of the database, relative to this file."),
  keys: z
    .string()
    .min(1)
    .default("./keys")
    .describe(
      "Folder of the key-encryption key and the log's signing key. Keep it out of backups of `data`.",
    ),
  policies,
  providers: z.record(identifier, z.discriminatedUnion("type", [openaiProvider, demoProvider])).default({}),
  models: z
    .array(alias)
    .default([])
    .describe("Aliases. Any PROVIDER/MODEL of a configured provider can be called without one."),
  groups: z
    .record(identifier, z.array(z.string().min(1)))
    .default({})
    .describe("Members of each group, by e-mail address."),
  sign_offs: z
    .record(identifier, signOff)
    .default({})
    .describe("What policies can ask for. `default` exists always."),
  tools: z
    .record(z.string().min(1).max(128), tool)
    .default({})
    .describe("The catalog: what tools that clients run themselves do."),
  applications: z.array(application).default([]),
  prices: z
    .record(z.string(), price)
    .default({})
    .describe("Prices by PROVIDER/MODEL, over those of the price data."),
  audit: z
    .strictObject({ payloads: z.enum(["none", "metadata", "request", "response"]).default("metadata") })
    .prefault({}),
  limits,
  log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
});

/** The file as it is read: durations in milliseconds, sizes in bytes, defaults filled in. */
export type Config = z.infer<typeof configSchema>;
export type ProviderConfig = Config["providers"][string];
export type OpenAiProviderConfig = Extract<ProviderConfig, { type: "openai" }>;
export type ApplicationConfig = Config["applications"][number];
export type ToolConfig = Config["tools"][string];
export type PayloadLevel = Config["audit"]["payloads"];
