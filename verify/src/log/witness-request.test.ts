import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeWitnessRequest, parseSizeLine, parseWitnessRequest } from "./witness-request.ts";

// The example of c2sp.org/tlog-witness.
const note = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`;
const proof = [
  "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=",
  "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=",
  "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=",
  "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=",
];
const example = `old 20852014\n${proof.join("\n")}\n\n${note}`;

test("requests to witnesses are written and read as in the specification", () => {
  const request = { oldSize: 20852014, proof: proof.map((hash) => Buffer.from(hash, "base64")), note };
  assert.equal(encodeWitnessRequest(request), example);
  assert.deepEqual(parseWitnessRequest(example), { ok: true, value: request });
  const first = { oldSize: 0, proof: [], note };
  assert.equal(encodeWitnessRequest(first), `old 0\n\n${note}`);
  assert.deepEqual(parseWitnessRequest(`old 0\n\n${note}`), { ok: true, value: first });
});

test("requests with any other spelling are none", () => {
  const line = proof[0] ?? "";
  for (const body of [
    "",
    note.replace("\n\n", "\n"),
    `\n${example}`,
    `old\n\n${note}`,
    `old  1\n\n${note}`,
    `OLD 1\n\n${note}`,
    `old 01\n\n${note}`,
    `old -1\n\n${note}`,
    `old +1\n\n${note}`,
    `old 1.0\n\n${note}`,
    `old 9007199254740993\n\n${note}`,
    `old 1 \n\n${note}`,
    `old 1\r\n\n${note}`,
    `old 1\n${line.slice(0, -1)}\n\n${note}`,
    `old 1\n${line.slice(4)}\n\n${note}`,
    `old 1\n ${line}\n\n${note}`,
    `old 1\n${line.replace("w=", "x=")}\n\n${note}`,
    `old 1\n${`${line}\n`.repeat(64)}\n${note}`,
  ])
    assert.equal(parseWitnessRequest(body).ok, false, JSON.stringify(body.slice(0, 60)));
  assert.ok(parseWitnessRequest(`old 1\n${`${line}\n`.repeat(63)}\n${note}`).ok);
});

test("the size in a conflict is one line", () => {
  assert.deepEqual(
    ["0\n", "20852163\n", "1", "01\n", "1\n\n", " 1\n", "\n", "", "1e3\n"].map(parseSizeLine),
    [0, 20852163, null, null, null, null, null, null, null],
  );
});
