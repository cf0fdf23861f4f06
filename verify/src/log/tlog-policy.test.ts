import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { witnessSigner } from "./cosignature.ts";
import { noteSigner } from "./signed-note.ts";
import { meetsQuorum, parseTlogPolicy, type TlogPolicy } from "./tlog-policy.ts";

const log = noteSigner("example.com/log", Buffer.alloc(32, 1)).vkey;
const keys = new Map(
  ["X1", "X2", "X3", "Y1", "Y2", "Y3"].map((name, at) => [
    name,
    witnessSigner(`w.example/${name}`, Buffer.alloc(32, 10 + at)).vkey,
  ]),
);
const key = (name: string): string => keys.get(name) ?? "";

// The example of c2sp.org/tlog-policy.
const example = `log ${log}

witness X1 ${key("X1")}
witness X2 ${key("X2")}
witness X3 ${key("X3")}
group X-witnesses 2 X1 X2 X3

witness Y1 ${key("Y1")}
witness Y2 ${key("Y2")}
witness Y3 ${key("Y3")}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`;

function parsed(text: string | Uint8Array): TlogPolicy {
  const policy = parseTlogPolicy(Buffer.from(text));
  assert.ok(policy.ok, policy.ok ? "" : `${policy.failure.line}: ${policy.failure.detail}`);
  return policy.value;
}

function holds(policy: TlogPolicy, ...names: readonly string[]): boolean {
  return meetsQuorum(policy, new Set(names.map(key)));
}

describe("tlog policies", () => {
  it("are read as in the specification", () => {
    const policy = parsed(example);
    assert.equal(policy.logs[0]?.verifier.vkey, log);
    assert.deepEqual(
      policy.witnesses.map(({ name }) => name),
      ["X1", "X2", "X3", "Y1", "Y2", "Y3"],
    );
    assert.deepEqual(policy.groups, [
      { name: "X-witnesses", threshold: 2, members: ["X1", "X2", "X3"] },
      { name: "Y-witnesses", threshold: 1, members: ["Y1", "Y2", "Y3"] },
      { name: "X-and-Y", threshold: 2, members: ["X-witnesses", "Y-witnesses"] },
    ]);
    assert.equal(policy.quorum, "X-and-Y");
  });

  it("say which witnesses are enough, through groups", () => {
    const policy = parsed(example);
    assert.ok(holds(policy, "X1", "X3", "Y2"));
    assert.ok(holds(policy, "X1", "X2", "X3", "Y1", "Y2", "Y3"));
    for (const few of [[], ["X1", "Y1"], ["X1", "X2"], ["Y1", "Y2", "Y3"]])
      assert.equal(holds(policy, ...few), false, few.join());
    assert.equal(meetsQuorum(policy, new Set(["somebody else"])), false);
    const single = parsed(`witness X1 ${key("X1")}\nwitness X2 ${key("X2")}\nquorum X2\n`);
    assert.deepEqual([holds(single, "X2"), holds(single, "X1")], [true, false]);
    assert.ok(holds(parsed("quorum none\n")));
  });

  it("take comments, empty lines, tabs, URLs and octets beyond ASCII", () => {
    const name = Buffer.from("\u212a\u00e9", "utf8");
    const policy = parsed(
      Buffer.concat([
        Buffer.from(`\t # comment \u00fc\n \t\nlog\t${log}  https://log.example/\n witness `),
        name,
        Buffer.from(` ${key("X1")} https://w.example/\u00fc\nquorum `),
        name,
        Buffer.from(" \n"),
      ]),
    );
    assert.equal(policy.logs[0]?.url, "https://log.example/");
    assert.equal(policy.witnesses[0]?.url, "https://w.example/\u00fc");
    assert.equal(policy.quorum, name.toString("latin1"));
    assert.ok(holds(policy, "X1"));
    const kelvin = `witness K ${key("X1")}\nquorum \u212a\n`;
    assert.equal(parseTlogPolicy(Buffer.from(kelvin)).ok, false, "K and the Kelvin sign are two names");
  });

  it("are refused at the line that is wrong", () => {
    const one = `witness X1 ${key("X1")}\n`;
    const two = `${one}witness X2 ${key("X2")}\n`;
    const asLog = noteSigner("example.com/other-name", Buffer.alloc(32, 1)).vkey;
    const asWitness = witnessSigner("w.example/other-name", Buffer.alloc(32, 10)).vkey;
    const wrong: readonly (readonly [text: string, line: number | null, detail: RegExp])[] = [
      ["", null, /no quorum/],
      [one, null, /no quorum/],
      [`${one}quorum X1`, 2, /newline/],
      ["quorum none\r\n", 1, /control character/],
      ["quorum none\u0000\n", 1, /control character/],
      ["quorum none\u007f\n", 1, /control character/],
      ["Quorum none\n", 1, /no keyword/],
      ["quorum\n", 1, /write quorum/],
      ["quorum none none\n", 1, /write quorum/],
      ["quorum none\nquorum none\n", 2, /already/],
      ["quorum X1\n", 1, /not defined/],
      [`quorum X1\n${one}`, 1, /not defined/],
      [`log ${log} a b\n`, 1, /write log/],
      ["log example.com+nothing\n", 1, /cannot be used/],
      [`log ${key("X1")}\n`, 1, /cannot be used/],
      [`log ${log}\nlog ${asLog}\n`, 2, /stands twice/],
      ["witness X1\n", 1, /write witness/],
      [`witness X1 ${log}\n`, 1, /cannot be used/],
      [`${one}witness X9 ${asWitness}\n`, 2, /stands twice/],
      [`${one}witness X1 ${key("X2")}\n`, 2, /defined already/],
      [`witness none ${key("X1")}\n`, 1, /none/],
      [`${two}group none any X1\n`, 3, /none/],
      [`${two}group X1 any X2\n`, 3, /defined already/],
      [`${two}group g any\n`, 3, /write group/],
      [`${two}group g 0 X1\n`, 3, /neither/],
      [`${two}group g 3 X1 X2\n`, 3, /neither/],
      [`${two}group g 01 X1 X2\n`, 3, /neither/],
      [`${two}group g 1.0 X1\n`, 3, /neither/],
      [`${two}group g some X1\n`, 3, /neither/],
      [`${two}group g any none\n`, 3, /not defined/],
      [`${two}group g any g\n`, 3, /not defined/],
      [`${two}group g any X1 X1\n`, 3, /a member already/],
      [`${two}group g any X1\ngroup h any X1 X2\n`, 4, /a member already/],
    ];
    for (const [text, line, detail] of wrong) {
      const policy = parseTlogPolicy(Buffer.from(text));
      assert.ok(!policy.ok, JSON.stringify(text));
      assert.equal(policy.failure.line, line, JSON.stringify(text));
      assert.match(policy.failure.detail, detail);
    }
  });

  it("may be as deep as their file is long", () => {
    const deep = Array.from({ length: 20_000 }, (_, at) => `group g${at + 1} all g${at}\n`);
    const policy = parsed(`witness g0 ${key("X1")}\n${deep.join("")}quorum g20000\n`);
    assert.ok(holds(policy, "X1"));
    assert.equal(holds(policy, "X2"), false);
  });

  it("never fail otherwise, whatever the file is", () => {
    const words = [
      "log",
      "witness",
      "group",
      "quorum",
      "none",
      "all",
      "any",
      "1",
      "\n",
      " ",
      "X1",
      key("X1"),
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 30 }), (parts) => {
        const policy = parseTlogPolicy(Buffer.from(parts.join(" ")));
        assert.ok(policy.ok || policy.failure.detail !== "");
      }),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseTlogPolicy(bytes)));
    assert.equal(parseTlogPolicy(Buffer.alloc(1024 * 1024 + 1)).ok, false);
  });
});
