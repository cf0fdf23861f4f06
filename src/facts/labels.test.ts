import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { detect, reach, separator } from "./detectors.ts";
import { LabelScan, labelsOf } from "./labels.ts";
import { Texts } from "./texts.ts";

// Put together here, so that no scanner takes this file for a leak.
const token = (prefix: string, length: number) => prefix + "aB3dE5gH7jK9mN1p".repeat(300).slice(0, length);

/** One of each label, as long as its pattern allows where that is long. */
const samples: readonly string[] = [
  `ann@${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.com`,
  "4111 1111 1111 1111",
  "3782 822463 10005",
  "DE89 3704 0044 0532 0130 00",
  "BE68 5390 0754 7034 ASAP",
  "123-45-6789",
  token("sk-ant-", 40),
  "AKIAIOSFODNN7EXAMPLE",
  token("ghp_", 36),
  token("github_pat_", 60),
  token("glpat-", 20),
  token("AIza", 35),
  `${token("eyJ", 4096)}.${token("eyJ", 8)}`,
  token("sk-", 48),
  token("pcl_", 40),
  "-----BEGIN RSA PRIVATE KEY-----",
  token("xoxb-", 24),
  token("sk_live_", 24),
];

/** Text in which samples stand whole, cut, beside each other, and with what could be taken for a part of them. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...samples, ...samples.map((sample) => sample.slice(0, -1))),
      fc.constantFrom(" ", "\n", "x", "1", "-", "_", ".", "é", "A".repeat(reach), "some words "),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(""));

function whole(all: string): string[] {
  const found = new Set<string>();
  detect(all, found);
  return [...found].sort();
}

test("pieces of any size find what the whole finds, and nothing else", () => {
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1 }), (all, sizes) => {
      const scan = new LabelScan();
      for (let at = 0, piece = 0; at < all.length; piece += 1) {
        const size = sizes[piece % sizes.length] ?? 1;
        scan.push(all.slice(at, at + size));
        at += size;
      }
      assert.deepEqual([...scan.end()].sort(), whole(all));
    }),
    { numRuns: 2000 },
  );
});

/** Nothing when it is seen whole, though a part of it is. */
const lookalikes: readonly string[] = [
  "41111111111111111",
  "x1234-56-7890",
  "123-45-67890",
  "AKIAIOSFODNN7EXAMPLEX",
];

test("wherever two pieces meet, every sample is found and nothing that only looks like one", () => {
  const word = "word ".repeat(reach / 4);
  for (const sample of [...samples.filter((one) => one.length < 300), ...lookalikes]) {
    const all = `${word}${sample} ${word}`;
    assert.equal(whole(all).length, lookalikes.includes(sample) ? 0 : 1, sample);
    const start = all.indexOf(sample);
    for (let cut = start - 2; cut <= start + sample.length + 2; cut += 1) {
      const scan = new LabelScan();
      scan.push(all.slice(0, cut));
      scan.push(all.slice(cut));
      assert.deepEqual([...scan.end()], whole(all), `${sample} cut at ${cut - start}`);
    }
  }
});

test("texts looked at as one find what each of them finds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { maxLength: 6 }),
      fc.array(text, { maxLength: 2 }),
      async (plain, json) => {
        const texts = new Texts();
        const expected = new Set<string>();
        for (const one of plain) {
          texts.add(one);
          detect(one, expected);
        }
        for (const one of json) {
          const written = JSON.stringify({ one }).replaceAll("A", "\\u0041");
          texts.addJson(written);
          detect(written, expected);
          detect(one, expected);
        }
        assert.deepEqual(await labelsOf(texts), [...expected].sort());
        assert.equal(
          [...texts.pieces(100)].join(""),
          plain.length + json.length === 0 ? "" : texts.joined() + separator,
        );
        for (const piece of texts.pieces(100)) assert.ok(piece.length <= 101);
      },
    ),
    { numRuns: 300 },
  );
});

test("a short request is looked at on the spot", () => {
  const texts = new Texts();
  texts.add(`${"word ".repeat(20_000)}ann@example.com`);
  assert.deepEqual(labelsOf(texts), ["pii.email"]);
});

test("a hostile text of many megabytes does not keep others waiting", async () => {
  for (const hostile of ["4444 ", "\\n"]) {
    const texts = new Texts();
    const flat: unknown = JSON.parse(
      JSON.stringify(`${hostile.repeat(8_000_000 / hostile.length)} ann@example.com`),
    );
    texts.addJson(String(flat));
    let last = performance.now();
    let longest = 0;
    let turns = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      turns += 1;
    }, 1);
    assert.deepEqual(await labelsOf(texts), ["pii.email"]);
    clearInterval(timer);
    // A turn takes less than 20 ms; the machine that tests may be busy with something else.
    assert.ok(turns > 5 && longest < 200, `${hostile}: ${longest} ms`);
  }
});
