// A gateway for tests of the pipeline, of real parts throughout: SQLite, trail, keys, Cedar, prices and the demo model.
// Only upstreams that must misbehave are scripted. Closing it verifies its trail, so that every test is an audit test.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pino from "pino";
import type { Leaf } from "portcullis-verify/leaves/leaf-schema.ts";
import type { ApprovalDesk } from "../approvals/desk.ts";
import type { Payloads } from "../audit/payloads.ts";
import type { Trail } from "../audit/trail.ts";
import { type Config, configSchema } from "../config/schema.ts";
import { SecretValue } from "../core/secret-value.ts";
import { openKek } from "../credentials/kek.ts";
import { openRootKey } from "../credentials/root-key.ts";
import { ToolCatalog } from "../facts/tool-catalog.ts";
import { refusalClasses } from "../http/refusal-classes.ts";
import { refusalMessage } from "../http/refusal-message.ts";
import { ApiKeys } from "../identity/api-keys.ts";
import { KeyIdentifier } from "../identity/identify.ts";
import { openKeyGuard } from "../identity/key-guard.ts";
import { formatProblem } from "../policy/problem.ts";
import { DemoProvider } from "../providers/demo/demo-provider.ts";
import type { ModelProvider } from "../providers/provider.ts";
import { type CallPatience, Router } from "../providers/routing.ts";
import { UpstreamHealth } from "../providers/upstream-health.ts";
import { openSqliteStorage } from "../storage/sqlite/open.ts";
import { PriceBook } from "../usage/price-book.ts";
import { Reservations } from "../usage/reservations.ts";
import { approvalFaults, holdingOf, openApprovals } from "../wiring/approvals.ts";
import { openRecord } from "../wiring/record.ts";
import { committedReader } from "../wiring/sealed-record.ts";
import { trailEvents } from "../wiring/trail-events.ts";
import type { Endpoint, PayloadLevel } from "./call.ts";
import { type CallWatch, unwatched } from "./call-watch.ts";
import { RecordingChannel } from "./client.test-support.ts";
import type { WaitingTerms } from "./held/holding.ts";
import { journalled, journalledApprovals } from "./journalled-store.test-support.ts";
import { LateCompletions } from "./late-completions.ts";
import type { GatewayParts, Limits } from "./parts.ts";
import { handleCall } from "./pipeline.ts";
import { monday, openTestPolicies, type PolicyOptions, writePolicies } from "./policies.test-support.ts";
import { assertVerifies, type CallLeaf, ofCall, readLeaves } from "./record.test-support.ts";
import { type Script, ScriptedProvider, whole } from "./upstream.test-support.ts";

/** Whoever is in `operators` gives the sign-off `default`, and `ana` alone `finance`. */
export const testConfig: Config = configSchema.parse({
  groups: { operators: ["ben@example.com", "cleo@example.com"] },
  sign_offs: {
    finance: { approvers: ["ana@example.com"] },
    default: { approvers: ["group:operators"] },
  },
  approvals: { max_pending: { application: 100_000, user: 100_000 } },
  applications: [{ name: "assistant", groups: ["staff"], owner: "ana" }],
});

export interface TestGatewayOptions extends PolicyOptions {
  /** Whether all is known that other gateways have ended. */
  readonly current?: () => boolean;
  /** Alias to its targets. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** Of all aliases. */
  readonly patience?: CallPatience;
  /** Upstreams by name, besides `demo`; `up` and `other` are there in any case. */
  readonly upstreams?: Readonly<Record<string, Script>>;
  readonly payloads?: PayloadLevel;
  readonly limits?: Partial<Limits>;
  /** Nobody waits unless a test says so. */
  readonly waiting?: Partial<WaitingTerms>;
  readonly config?: Config;
  readonly watch?: CallWatch;
}

export interface CallOptions {
  readonly endpoint?: Endpoint;
  readonly key?: string;
  readonly channel?: RecordingChannel;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestGateway extends AsyncDisposable {
  readonly parts: GatewayParts;
  readonly payloads: Payloads;
  readonly key: string;
  /** What happened, in order: `durable …`, `send …`, `open …`, `write`, and how an answer ended. */
  readonly journal: string[];
  /** Log lines about faults that nobody was told of otherwise. */
  readonly faults: string[];
  readonly trail: Trail;
  readonly desk: ApprovalDesk;
  upstream(name?: string): ScriptedProvider;
  /** While `failing` says true of an append (named as in the journal), the trail cannot take it. */
  readonly control: {
    failing: (entries: string) => boolean;
    /** Milliseconds by which the time that circuits and retries go by is ahead. */
    laterMs: number;
    config: Config;
    /** Whether who voted, by pseudonym, is still somebody who may. */
    stands: (voter: string) => boolean;
    /** What verification is to find of what a test did to the data store; nothing else is found. */
    findings: readonly RegExp[];
  };
  /** Other policies in place of those in force. */
  replacePolicies(text: string): Promise<void>;
  /** What somebody does who can write the database. */
  tamper(change: (database: DatabaseSync) => void): void;
  /** The call to its end; `body` is what the client sends. */
  call(body: object | string, options?: CallOptions): Promise<RecordingChannel>;
  channel(): RecordingChannel;
  /** What is on record of the call that this channel made, among the newest entries. */
  entries(channel: RecordingChannel): Promise<readonly CallLeaf[]>;
  /** What is on record of the call that was completed last. */
  entriesOfLast(): Promise<readonly CallLeaf[]>;
  /** All entries from the index `from` on. */
  all(from?: number): Promise<readonly Leaf[]>;
}

/** More than any call of a test has, few enough to be read after each. */
const latestEntries = 50;

export async function openTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-gateway-"));
  const storage = openSqliteStorage(join(folder, "data"));
  const journal: string[] = [];
  const faults: string[] = [];
  const control: TestGateway["control"] = {
    failing: () => false,
    laterMs: 0,
    config: options.config ?? testConfig,
    stands: () => true,
    findings: [],
  };
  const clock = { now: () => monday };
  const keysFolder = join(folder, "keys");
  const log = pino({ base: null }, { write: (line: string) => faults.push(line) });
  const kek = await openKek(keysFolder, true, {});
  const { trail, subjects, payloads, dataKeys, instance } = await openRecord({
    log: journalled(storage.log, journal, (entries) => control.failing(entries)),
    payloads: storage.payloads,
    keysFolder,
    kek,
    origin: null,
    version: "0.1.0",
    faults: log,
  });
  const events = trailEvents(trail, subjects);
  const catalog = options.catalog ?? {};
  const policies = await openTestPolicies(folder, options, storage.revisions, events.policies);
  const keys = await ApiKeys.open(storage.keys, events.keys, new Set(["assistant"]), clock.now, {
    guard: await openKeyGuard(new SecretValue(Buffer.alloc(32, 3)), join(folder, "api-key-ends.json")),
    onDamaged: ({ id }) => void faults.push(`${id} is damaged`),
  });
  const made = await keys.create("assistant", "op_test");
  assert.ok(made.ok);
  const refusing: Script = () => whole(500, { error: { message: "this upstream was given no script" } });
  const upstreams = new Map(
    Object.entries({ up: refusing, other: refusing, ...options.upstreams }).map(([name, script]) => [
      name,
      new ScriptedProvider(name, script, journal),
    ]),
  );
  const providers = new Map<string, ModelProvider>([...upstreams, ["demo", new DemoProvider("demo")]]);
  const late = new LateCompletions((entries) => trail.append(entries));
  const rootKey = await openRootKey(kek, storage.payloads, true);
  const config = (): Config => control.config;
  const gatewayParts = (): GatewayParts => parts;
  const desk = openApprovals({
    store: journalledApprovals(storage.approvals, journal, (entries) => control.failing(entries)),
    trail,
    subjects,
    dataKeys,
    rootKey,
    instance,
    config,
    gateway: gatewayParts,
    mayVote: async () => null,
    stands: (voter) => control.stands(voter),
    hasEnded: async (other) => other !== instance,
    faults: approvalFaults(log),
  });
  await desk.start();
  const parts: GatewayParts = {
    clock,
    keys: new KeyIdentifier(keys, clock.now),
    applications: new Map([
      ["assistant", { name: "assistant", groups: ["staff"], payloads: options.payloads ?? "none" }],
    ]),
    catalog: new ToolCatalog(catalog),
    router: new Router({
      providers: new Map([...providers].map(([name, provider]) => [name, provider.models])),
      aliases: Object.entries(options.aliases ?? {}).map(([name, targets]) => ({
        name,
        targets,
        ...(options.patience === undefined ? {} : { patience: options.patience }),
      })),
    }),
    providers,
    health: new UpstreamHealth({
      now: () => performance.now() + control.laterMs,
      random: () => 0,
      onCircuit: ({ provider, model }, state) => void faults.push(`${provider}/${model} ${state}`),
    }),
    policy: policies,
    trail,
    subjects,
    payloads,
    prices: new PriceBook({ "up/m": { input: 1, output: 2 } }, new Map([["up", { type: "openai" }]]), clock),
    reservations: new Reservations(storage.counters, "inst_test", (_call, fault) =>
      faults.push(String(fault)),
    ),
    limits: { body: 1_000_000, response: 64 * 1024, depth: 64, assumed_output: 1000, ...options.limits },
    log,
    statusOf: (refusal) => refusalClasses[refusal.reason].status,
    messageOf: refusalMessage,
    late,
    watch: options.watch ?? unwatched,
    holding: holdingOf({
      desk,
      rootKey,
      keys,
      subjects,
      config,
      gateway: gatewayParts,
      url: () => "http://gateway.test",
      current: options.current ?? (() => true),
    }),
    waiting: { waitMs: 0, commitMs: 0, beatMs: 1000, onReject: "message", ...options.waiting },
    inForce: gatewayParts,
  };
  const all = (from = 0): Promise<readonly Leaf[]> => readLeaves(storage.log, from);
  const latest = async (): Promise<readonly Leaf[]> =>
    all(Math.max(0, (await storage.log.head()).size - latestEntries));
  journal.length = 0;
  const gateway: TestGateway = {
    parts,
    payloads,
    key: made.value.key,
    journal,
    faults,
    trail,
    desk,
    control,
    upstream: (name = "up") => {
      const upstream = upstreams.get(name);
      assert.ok(upstream);
      return upstream;
    },
    replacePolicies: async (text) => {
      writePolicies(folder, text);
      const replaced = await policies.reload();
      assert.ok(replaced.ok, replaced.ok ? "" : replaced.failure.map(formatProblem).join("\n"));
    },
    tamper: (change) => {
      const database = new DatabaseSync(join(folder, "data", "portcullis.db"), { timeout: 5_000 });
      change(database);
      database.close();
    },
    channel: () => new RecordingChannel(journal),
    call: async (body, options = {}) => {
      const { endpoint = "chat", key = made.value.key, channel = gateway.channel(), headers = {} } = options;
      const incoming = {
        endpoint,
        headers: { ...headers, authorization: `Bearer ${key}` },
        body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
        sourceAddress: "10.1.2.3",
        arrivedAt: performance.now(),
      };
      await handleCall(parts, incoming, channel);
      assert.deepEqual(channel.violations, []);
      return channel;
    },
    entries: async (channel) => ofCall(await latest(), channel.headers["x-portcullis-call"]),
    entriesOfLast: async () => {
      const leaves = await latest();
      return ofCall(leaves, leaves.findLast((leaf) => leaf.type === "call.completed")?.call);
    },
    all,
    async [Symbol.asyncDispose]() {
      control.failing = () => false;
      await desk.stop();
      await late.close();
      await payloads.flush();
      await policies.close();
      await trail.close();
      const revision = async (id: string) => (await storage.revisions.byRevision(id))?.content ?? null;
      const committed = committedReader(storage.log, payloads, subjects);
      const end = { log: storage.log, vkey: trail.vkey, keysFolder, revision, committed };
      await assertVerifies(end, control.findings);
      await storage.close();
      rmSync(folder, { recursive: true });
    },
  };
  return gateway;
}
