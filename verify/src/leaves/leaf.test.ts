import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical-json.ts";
import { encodeLeaf, isCanonical, maxLeafBytes } from "./leaf.ts";
import {
  heldSamples,
  leafSamples,
  pickUpSample,
  shadowSamples,
  usableSamples,
} from "./leaf-samples.test-support.ts";
import { type LeafBody, leafSchema } from "./leaf-schema.ts";

const stamp = {
  id: "01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c",
  time: "2026-11-23T00:00:00.000Z",
  instance: "inst_1",
};

function encoded(body: LeafBody): Buffer {
  const leaf = encodeLeaf(body, stamp);
  assert.ok(leaf.ok);
  return leaf.value;
}

// A released shape never changes: an entry here may be added, never edited.
const golden: Readonly<Record<string, string>> = {
  "call.decided": "b43598daf73ad299a2b12717bd813decbc7deb9a461987fbfb99ca8009cc7084",
  "action.decided": "51fcf8f7c93195b1e8093ef651acdb56460228ebbbf8a3a53257dbed03dba8f2",
  "call.completed": "7f981116ed59fea6f320681ae07cb3b66f20ee07e0720f0da96373973bd5cf19",
  "key.created": "b71ddd15e0db7b520425cc704da8c6ce54ca5d8a719b3808afd3b653d71a4e71",
  "key.rotated": "992449a622cb5a666db229ab2d35641f9b04b24ae5b47bd2f89e8a65bca1a12c",
  "key.revoked": "8fd7df6810a86c724e9d2b61c61881b75e7c47e4fbfdc424b3524efbc0785e3e",
  "secret.set": "32d43e53fc5c2acfb73626d20b2b2c6b416e2b822a25dc4667a4b1c86897d2fb",
  "secret.destroyed": "e66112e9f6587f8980eee104b8704b675a0cf7d987520e65be3d10eeded5aff4",
  "policy.activated": "9e463b5e6243e9a328788a87d697c378438fd570806df6a251d56096980bcb12",
  "config.activated": "5fa71cac2cac04e988096241552db6b2e90072590ba9dbbcd768690e382449aa",
  "log.created": "5f2ab9add9e27421753be84a48181977690fccb593d1a5d85bd53d885e2caeef",
  "log.opened": "436cb8c5a001b8aef14697a4f533139f44c648b77ef314b30b363e8bda2c7cf1",
  "log.joined": "085206f2d0b9e8274b3bb875b7a49663ae4d0ac75cf5b3cc42c8b15726cb33c1",
  "log.recovered": "59b71eaaff966f1c04a5b13e6990348e7d5d951a6f23ce3a598d6734f9b94be8",
  "log.closed": "331648f2bb8467166de4e8a901320770ea9dc7549783feeca0a41c020c0956a3",
  "log.clock_reset": "2ca9bc8608b34a4d34035d58cc0ab3820583e5517f9817e032fba327d98cfe13",
  "payload.expired": "23ee5bfe4e644b20c608e2759b61c8365c9bdffb0989dc39e7303b3de81465eb",
  "approval.requested": "a8215f88bb66c0a4522e135f8f54e98e16e4f3048d15265a4ae801cdc1be5a3f",
  "approval.viewed": "665a64cf46e267ead96ae28307876b99f59d9801595c61c30cdb75b4c044c729",
  "approval.voted": "b2859859a132b11cd07851eda13cb863cf5f7b70b11edb803819de8cdec6e0a6",
  "approval.vote_refused": "2bf997fa3f89a5466c1781c9b35722c330356e6ebdd746073506831e215fe37f",
  "approval.edited": "cfb92907f903241f061c9dcf165b494c22034440a55821b3f0ef02b21b01951f",
  "approval.closed": "f0b2ab88ffed35e160e85e11037ad81c19c5d36546eafec84ff9a78d4b379de3",
  "approval.released": "99e030aca93ffd98459867780e909bcb01ca4a2046f3c3738eb707e2dd9d91ed",
  "operator.invited": "b8ec5936df6ffb42ff35d77744c7ede6182da67b45284bc0c69990953d2ebe3c",
  "operator.removed": "bba3e671335a518527144c807a5f842881c202846faeb5b4887d1802ffdf0173",
};

/** Of entries with members that are left out where they say nothing. */
const goldenVariants: readonly (readonly [string, LeafBody, string])[] = [
  [
    "what shadow policies say",
    shadowSamples["call.decided"],
    "074a44026f45a341c6a101e4982b3fb0b8734b6e2fa53f075b1c0a60db4bbfa9",
  ],
  [
    "what shadow policies say",
    shadowSamples["action.decided"],
    "2ec8beca87bc08f0ef23385037ad47238ac6fc68d592bcf0a8ada9c72baa900a",
  ],
  [
    "its approval",
    heldSamples["call.decided"],
    "04d53ec58578f2b426638b6845ff04d08a6c2edd759324a68fb7dfa563f54e7f",
  ],
  ["what it picks up", pickUpSample, "9dfcb2bb8b28cf5b94114fafbc6eb3f81874b036bed775ba4d2c02d3dcdd782b"],
  [
    "its time of use",
    usableSamples["approval.requested"],
    "3bd3ca9397adfbbeddc71fee7e20e7ec8ede0a06108c1ca3fc355aa3847b176f",
  ],
  [
    "its time of use",
    usableSamples["approval.edited"],
    "dcb219696188a8c982790a8727784334a8c755b572d690137e9fd3ff37fc0641",
  ],
  [
    "its hold",
    heldSamples["call.completed"],
    "90eeeee9663a8419fb1372d486df17958540b2c72ce2f1abca71ca00094976c4",
  ],
];

describe("leaves", () => {
  for (const body of Object.values(leafSamples)) {
    it(`of type ${body.type} keep the bytes that they were released with`, () => {
      const bytes = encoded(body);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), golden[body.type], bytes.toString());
    });

    it(`of type ${body.type} are canonical and fit the schema`, () => {
      const bytes = encoded(body);
      const parsed = leafSchema.parse(JSON.parse(bytes.toString()));
      assert.equal(bytes.toString(), canonicalJson({ ...body, ...stamp, v: 1 }));
      assert.ok(isCanonical(bytes, parsed));
    });
  }

  for (const [what, body, digest] of goldenVariants) {
    it(`of type ${body.type} with ${what} are held still too, and canonical`, () => {
      const bytes = encoded(body);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), digest, bytes.toString());
      assert.ok(isCanonical(bytes, leafSchema.parse(JSON.parse(bytes.toString()))));
      assert.equal(bytes.toString(), canonicalJson({ ...body, ...stamp, v: 1 }));
    });
  }

  it("are spelled out once, so that a reader sees the shape", () => {
    assert.equal(
      encoded(leafSamples["key.revoked"]).toString(),
      '{"actor":{"id":"op_1","kind":"operator"},"application":"billing","id":"01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c",' +
        '"instance":"inst_1","key":"key_1","time":"2026-11-23T00:00:00.000Z","type":"key.revoked","v":1}',
    );
  });

  it("name the tries of a call that failed, in the form in which they were released", () => {
    const failed = [
      { dispatch: 1, reason: "status", sent: true, status: 503, target: "demo/crow" },
      { dispatch: 2, reason: "circuit_open", sent: false, status: null, target: "demo/jay" },
    ];
    const bytes = encoded({ ...leafSamples["call.completed"], dispatches: 2, failed });
    assert.match(
      bytes.toString(),
      /"endpoint":"chat","failed":\[\{"dispatch":1,"reason":"status","sent":true,"status":503,"target":"demo\/crow"\},\{"dispatch":2,"reason":"circuit_open","sent":false,"status":null,"target":"demo\/jay"\}\],"finish_reasons"/,
    );
    assert.ok(isCanonical(bytes, leafSchema.parse(JSON.parse(bytes.toString()))));
  });

  it("laid out by hand equal the canonical form whatever their text and facts are", () => {
    const text = fc.string({ unit: "binary", maxLength: 20 });
    const fact = fc.oneof(text, fc.boolean(), fc.maxSafeInteger(), fc.array(text, { maxLength: 3 }));
    const key = fc
      .oneof(fc.string({ maxLength: 6 }), fc.nat(20).map(String))
      .filter((name) => name !== "__proto__");
    fc.assert(
      fc.property(
        fc.dictionary(key, fact, { noNullPrototype: true }),
        text,
        fc.nat(),
        (facts, words, count) => {
          const bodies: LeafBody[] = [
            {
              ...heldSamples["call.decided"],
              facts,
              requested_model: words,
              dispatch: count + 1,
              reasons: [words],
            },
            { ...leafSamples["action.decided"], facts, tool: words, position: count },
            {
              ...heldSamples["call.completed"],
              served_model: words,
              total_ms: count,
              finish_reasons: [words],
            },
            {
              ...leafSamples["call.completed"],
              served_model: words,
              hold: words,
              failed: [{ dispatch: count + 1, reason: "status", sent: true, status: count, target: words }],
            },
          ];
          for (const body of bodies) {
            const bytes = encoded(body);
            assert.equal(bytes.toString(), canonicalJson({ ...body, ...stamp, v: 1 }));
            assert.ok(leafSchema.safeParse(JSON.parse(bytes.toString())).success);
          }
        },
      ),
    );
  });

  it("cut descriptive text from outside to what the schema holds, never within a character", () => {
    const long = `${"x".repeat(255)}😀${"x".repeat(999)}`;
    const completed = encoded({
      ...leafSamples["call.completed"],
      served_model: long,
      finish_reasons: Array.from({ length: 200 }, () => long),
    });
    const parsed = leafSchema.parse(JSON.parse(completed.toString()));
    assert.ok(parsed.type === "call.completed");
    assert.equal(parsed.served_model, "x".repeat(255));
    assert.equal(parsed.finish_reasons.length, 128);
    const decided = encoded({ ...leafSamples["call.decided"], requested_model: long, reasons: [long] });
    assert.ok(leafSchema.safeParse(JSON.parse(decided.toString())).success);
  });

  it("hold a string that merely spells an escape", () => {
    const bytes = encoded({ ...leafSamples["call.decided"], requested_model: "\\ud800" });
    assert.equal(JSON.parse(bytes.toString()).requested_model, "\\ud800");
  });

  it("throw on floats and lone surrogates, which no caller may state", () => {
    const decided = leafSamples["call.decided"];
    assert.throws(() => encodeLeaf({ ...decided, facts: { input_tokens: 0.5 } }, stamp), TypeError);
    assert.throws(() => encodeLeaf({ ...decided, facts: { input_tokens: Number.NaN } }, stamp), TypeError);
    assert.throws(() => encodeLeaf({ ...decided, requested_model: "\ud800" }, stamp), TypeError);
    assert.throws(() => encodeLeaf({ ...leafSamples["call.completed"], total_ms: 1.5 }, stamp), TypeError);
    assert.throws(() => encodeLeaf({ ...leafSamples["log.opened"], version: "\udfff" }, stamp), TypeError);
  });

  it("fail when they are too large to be an entry", () => {
    const tools = Array.from({ length: 5_000 }, (_, index) => `a_rather_long_tool_name_${index}`);
    const leaf = encodeLeaf({ ...leafSamples["call.decided"], facts: { tools } }, stamp);
    assert.ok(!leaf.ok);
    assert.equal(leaf.failure.reason, "leaf_too_large");
    assert.ok(leaf.failure.bytes > maxLeafBytes);
  });
});
