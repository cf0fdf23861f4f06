import assert from "node:assert/strict";
import { test } from "node:test";
import { signCheckpoint } from "../log/checkpoint.ts";
import { cosign, witnessSigner } from "../log/cosignature.ts";
import { noteSigner, parseNote } from "../log/signed-note.ts";
import { parseTlogPolicy, type TlogPolicy } from "../log/tlog-policy.ts";
import { type LogFinding, logFindingText } from "./log-finding.ts";
import type { Mark } from "./marks.ts";
import { witnessedPart } from "./witness-check.ts";

const log = noteSigner("gate.example/log", Buffer.alloc(32, 1));
const [one, two, stranger] = [named("one"), named("two"), named("stranger")];
const both = policy(`witness 1 ${one.vkey}\nwitness 2 ${two.vkey}\ngroup g all 1 2\nquorum g\n`);

function named(name: string) {
  return witnessSigner(`w.example/${name}`, Buffer.alloc(32, name));
}

function policy(text: string): TlogPolicy {
  const parsed = parseTlogPolicy(Buffer.from(text));
  assert.ok(parsed.ok);
  return parsed.value;
}

function mark(size: number, ...by: readonly (typeof one)[]): Mark {
  const root = Buffer.alloc(32, size);
  const note = signCheckpoint(log, size, root);
  const parsed = parseNote(note);
  assert.ok(parsed.ok);
  const { text } = parsed.value;
  const lines = by.map((witness, at) => cosign(witness, text, 1_000_000_000 + size + at));
  return { checkpoint: "stored", size, root, note: `${note}${lines.join("")}` };
}

function checked(marks: readonly Mark[], by: TlogPolicy) {
  const findings: LogFinding[] = [];
  const part = witnessedPart(marks, by, log, (finding) => findings.push(finding));
  for (const finding of findings) assert.notEqual(logFindingText(finding), "");
  return { part, findings };
}

test("the largest checkpoint that enough have cosigned says how far witnesses vouch", () => {
  const marks = [mark(3, one, two), mark(5, two, one, stranger), mark(8, one), mark(9, one, stranger)];
  assert.deepEqual(checked(marks, both), {
    part: { size: 5, witnesses: [two.name, one.name], time: "2001-09-09T01:46:46.000Z" },
    findings: [],
  });
});

test("no checkpoint with enough of them is a finding, and a policy that asks for none is met", () => {
  const marks = [mark(3, one), mark(8, two)];
  assert.deepEqual(checked(marks, both).findings, [{ reason: "no_quorum", size: 8 }]);
  assert.deepEqual(checked([], both), { part: { size: 0, witnesses: [], time: null }, findings: [] });
  assert.deepEqual(checked(marks, policy("quorum none\n")).findings, []);
});

test("a wrong line of a known witness is a finding, told once with the number of checkpoints that have it", () => {
  const [good, other] = [mark(3, one, two), mark(4, one, two)];
  const line = other.note.trimEnd().split("\n").at(-1) ?? "";
  const moved = (of: Mark): Mark => ({ ...of, note: `${of.note}${line}\n` });
  const { part, findings } = checked([good, moved(mark(5)), moved(mark(6, one))], both);
  assert.equal(part.size, 3);
  assert.deepEqual(findings, [
    { reason: "wrong_cosignature", checkpoint: "stored", witness: two.name, size: 5, count: 2 },
  ]);
});

test("a policy of other logs is a finding, and one that lists none is of any", () => {
  const witnesses = `witness 1 ${one.vkey}\nquorum 1\n`;
  const other = noteSigner("gate.example/log", Buffer.alloc(32, 2)).vkey;
  const marks = [mark(3, one)];
  assert.deepEqual(checked(marks, policy(`log ${other}\n${witnesses}`)).findings, [
    { reason: "log_not_in_policy", expected: log.vkey },
  ]);
  assert.deepEqual(checked(marks, policy(`log ${other}\nlog ${log.vkey}\n${witnesses}`)).findings, []);
  assert.deepEqual(checked(marks, policy(witnesses)).findings, []);
});
