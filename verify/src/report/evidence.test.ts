import assert from "node:assert/strict";
import { test } from "node:test";
import { leafSamples } from "../leaves/leaf-samples.test-support.ts";
import { type Leaf, leafSchema } from "../leaves/leaf-schema.ts";
import type { VerifyReport } from "../rules/verify-log.ts";
import { EvidenceCollector } from "./evidence.ts";
import { csvHeader, csvRow } from "./evidence-csv.ts";
import { evidenceMarkdown } from "./evidence-markdown.ts";
import { type EvidenceRow, evidenceKinds, evidenceRow } from "./evidence-row.ts";

const november = { from: Date.parse("2026-11-01T00:00:00Z"), to: Date.parse("2026-12-01T00:00:00Z") };

function stamped(body: object, time = "2026-11-23T09:30:00.000Z"): Leaf {
  return leafSchema.parse({
    v: 1,
    id: "01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c",
    instance: "inst_1",
    ...body,
    time,
  });
}

const all = Object.values(leafSamples).map((body) => stamped(body));
const write = {
  ...leafSamples["action.decided"],
  effect: "write",
  decision: "permit",
  sign_offs: [],
  approval: null,
};

function collected(leaves: readonly Leaf[]) {
  const rows: EvidenceRow[] = [];
  const collector = new EvidenceCollector(november, (row) => rows.push(row));
  for (const [entry, leaf] of leaves.entries()) collector.observe(entry, leaf);
  return { evidence: collector.evidence, rows };
}

const verified: VerifyReport = {
  ok: false,
  origin: "gate.example/log",
  log: {
    ok: false,
    entries: 2,
    checkpoints: 1,
    pinned: false,
    sealed: 2,
    unsealed: 0,
    witnessed: null,
    clockResets: 0,
    tiles: null,
    newest: null,
    payloads: { committed: 0, erasedOrMissing: 0, matching: null },
  },
  governance: {
    ok: true,
    calls: 1,
    completed: 1,
    unknownOutcomes: 0,
    dispatched: 1,
    actions: 0,
    actionsPermitted: 0,
    writesUnattended: 0,
    writesApproved: 0,
    approvals: {
      requested: 0,
      edited: 0,
      open: 0,
      votes: 0,
      votesRefused: 0,
      closed: {
        rejected: 0,
        expired: 0,
        cancelled: 0,
        superseded: 0,
        lapsed: 0,
        revoked: 0,
        stale: 0,
      },
      released: 0,
      redelivered: 0,
    },
    open: 0,
    openCalls: [],
    revisions: 1,
    decisions: 1,
  },
  replay: null,
  findings: [{ reason: "no_head", entries: 2 }],
  moreFindings: 0,
  notChecked: [{ reason: "no_pin" }],
};

function markdown(leaves: readonly Leaf[]): string {
  const { evidence } = collected(leaves);
  return evidenceMarkdown({ evidence, verified, checkpoint: null, madeAt: "2026-12-02T08:00:00.000Z" });
}

test("every kind of entry is evidence of something, save what only ended or was looked at", () => {
  const silent = all.filter((leaf) => evidenceRow(0, leaf) === null).map(({ type }) => type);
  assert.deepEqual(new Set(silent), new Set(["call.completed", "approval.viewed"]));
  const kinds = new Set(all.flatMap((leaf) => evidenceRow(0, leaf)?.kind ?? []));
  kinds.add(evidenceRow(0, stamped({ ...leafSamples["call.completed"], outcome: "unknown" }))?.kind ?? "log");
  assert.deepEqual(kinds, new Set(evidenceKinds));
});

test("a period begins with its first instant and ends before the first of the next", () => {
  const key = leafSamples["key.created"];
  const at = (...times: readonly string[]) => collected(times.map((time) => stamped(key, time))).evidence;
  assert.deepEqual(
    at(
      "2026-10-31T23:59:59.999Z",
      "2026-11-01T00:00:00.000Z",
      "2026-11-30T23:59:59.999Z",
      "2026-12-01T00:00:00.000Z",
    ).entries,
    { first: 1, last: 2, count: 2 },
  );
  assert.equal(at("2026-12-01T00:00:00.000Z").entries, null);
});

test("each write that was permitted is counted under what it rests on", () => {
  const { evidence, rows } = collected([
    stamped({ ...write, approval: "apr_1" }),
    stamped({ ...write, unattended: true }),
    stamped(write),
    stamped({ ...write, decision: "deny" }),
    stamped({ ...write, effect: "read" }),
  ]);
  assert.deepEqual(evidence.writes, { signedOff: 1, unattended: 1, noBasis: 1 });
  assert.deepEqual(evidence.actions, { permit: 4, hold: 0, deny: 1 });
  assert.deepEqual(
    rows.slice(0, 3).map(({ basis }) => basis.split(";")[0]),
    ["signed off: apr_1", "unattended in the catalog", "no basis"],
  );
});

test("the report says what verification found and did not check, before anything else", () => {
  const text = markdown(all);
  assert.match(text, /\*\*It does not hold\.\*\*/);
  assert.match(text, /^- FOUND: the head of the log is gone/m);
  assert.match(text, /^- not checked: a head kept outside/m);
  assert.ok(text.indexOf("FOUND") < text.indexOf("## Decisions"));
  for (const title of ["## Votes (1)", "## Releases (1)", "## Administration ("])
    assert.ok(text.includes(title), title);
});

test("names from outside are no markup, no cells and no formulas", () => {
  const tool = '=HYPERLINK("http://x.example")|<b>a</b>\n# b';
  const row = evidenceRow(0, stamped({ ...leafSamples["approval.requested"], tool }));
  assert.ok(row);
  assert.match(csvRow(row), /,"'=HYPERLINK\(""http:\/\/x\.example""\)\|<b>a<\/b>\n# b",/);
  const text = markdown([stamped({ ...leafSamples["approval.requested"], tool })]);
  assert.ok(text.includes('=HYPERLINK("http://x.example")\\|\\<b\\>a\\</b\\> \\# b'));
  assert.doesNotMatch(text, /^# b/m);
});

test("CSV has a line for each row, with as many cells as the header", () => {
  const columns = csvHeader.trimEnd().split(",").length;
  for (const row of collected(all).rows) {
    const unquoted = csvRow(row).replaceAll(/"(?:[^"]|"")*"/g, "");
    assert.equal(unquoted.split(",").length, columns);
  }
});

test("of very many rows the first are listed, and the rest counted", () => {
  const key = stamped(leafSamples["key.created"]);
  const text = markdown(Array.from({ length: 600 }, () => key));
  assert.match(text, /^## Administration \(600\)$/m);
  assert.match(text, /^And 100 more, which are in the CSV\.$/m);
});
