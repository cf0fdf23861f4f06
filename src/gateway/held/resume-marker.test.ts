import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newId } from "../../core/id.ts";
import { SecretValue } from "../../core/secret-value.ts";
import { parseStrictJson } from "../../core/strict-json.ts";
import {
  mayCarryMarker,
  type ResumeClaim,
  resumeClaim,
  resumeMarker,
  withoutMarkers,
} from "./resume-marker.ts";

const key = new SecretValue(Buffer.alloc(32, 1));
const who = { application: "assistant", user: "sub_1" };
const hold = newId("hold", 1_700_000_000_000);
const before = [
  { role: "system", content: "Be brief" },
  { role: "user", content: "Write to ana" },
];
const text = "I will.\n\n[Portcullis] It waits. 🛂\n\n";
const next = { role: "user", content: "go on" };

function marker(changes: Partial<Parameters<typeof resumeMarker>[1]> = {}): string {
  return resumeMarker(key, { hold, choice: 0, ...who, before, text, ...changes });
}

function carrier(
  sign: string = marker(),
  said: string = text,
): { readonly role: string; readonly content: unknown } {
  return { role: "assistant", content: `${said}${sign}` };
}

/** As a request carries the messages: parsed as they came, and parsed without their markers. */
function claim(
  messages: readonly unknown[],
  by: typeof who | { application: string; user: null } = who,
): ResumeClaim | null {
  const body = Buffer.from(JSON.stringify({ messages }));
  const read = (bytes: Buffer): readonly unknown[] => JSON.parse(bytes.toString("utf8")).messages;
  return resumeClaim(key, read(body), read(withoutMarkers(body)), by);
}

const meant = { hold, choice: 0 };

describe("a marker", () => {
  test("picks up its turn in the very message it was given out in", () => {
    assert.deepEqual(claim([...before, carrier(), next]), meant);
    assert.deepEqual(claim([...before, carrier()]), meant);
    assert.deepEqual(claim([...before, carrier(), next, next]), meant);
  });

  test("is printable, short, and the same each time", () => {
    assert.match(marker(), /^\[portcullis-resume:v1\.[\x21-\x7e]{1,120}\]$/);
    assert.equal(marker(), marker());
    assert.ok(marker({ choice: 127 }).length <= 120);
  });

  test("picks up the choice it stands in", () => {
    assert.deepEqual(claim([...before, carrier(marker({ choice: 3 }))]), { hold, choice: 3 });
  });

  test("is read in a text that comes back in parts", () => {
    const parts = [
      { type: "text", text: text.slice(0, 5) },
      { type: "text", text: `${text.slice(5)}${marker()}` },
    ];
    assert.deepEqual(claim([...before, { role: "assistant", content: parts }, next]), meant);
    const cut = `${text}${marker()}`;
    const across = [cut.slice(0, -20), cut.slice(-20)].map((part) => ({ type: "text", text: part }));
    assert.deepEqual(claim([...before, { role: "assistant", content: across }, next]), meant);
  });

  test("is read past the markers of earlier turns, as their text was given out", () => {
    const first = carrier();
    const bare = [...before, { ...first, content: text }, next];
    const second = carrier(marker({ before: bare }));
    assert.deepEqual(claim([...before, first, next, second, next]), meant);
  });

  test("counts although the model wrote what looks like one before it", () => {
    const said = "As in [portcullis-resume:v1.hold_x.0.abc] above. ";
    assert.deepEqual(claim([...before, carrier(marker({ text: said }), said), next]), meant);
  });

  const carried = carrier();
  for (const [name, messages] of [
    ["in another's message", [...before, { ...carried, role: "user" }, next]],
    ["in the system's message", [...before, { ...carried, role: "system" }]],
    ["in a tool's message", [...before, { ...carried, role: "tool" }]],
    ["without anything before it", [carried, next]],
    ["behind another beginning", [{ role: "system", content: "Be long" }, ...before.slice(1), carried]],
    ["behind one message more", [...before, next, carried]],
    ["with another text", [...before, carrier(marker(), `${text}?`), next]],
    ["with text behind it", [...before, { role: "assistant", content: `${text}${marker()}.` }, next]],
    ["twice in one message", [...before, carrier(`${marker()}${marker()}`), next]],
    ["twice in two messages", [...before, carried, carried, next]],
    ["once more in what the user says", [...before, carried, { role: "assistant", content: marker() }]],
    ["in a conversation that went on", [...before, carried, { role: "assistant", content: "Well" }, next]],
    ["before a tool's answer", [...before, carried, { role: "tool", tool_call_id: "x", content: "1" }]],
    ["in a content that is none", [...before, { role: "assistant", content: { text: marker() } }]],
    ["in no content", [...before, { role: "assistant", name: marker() }]],
    ["among messages that are none", [...before, marker(), [marker()], 7, null]],
  ] as const) {
    test(`picks up nothing ${name}`, () => {
      assert.equal(claim(messages), null);
    });
  }

  test("picks up nothing for another application or user", () => {
    assert.equal(claim([...before, carried], { application: "other", user: "sub_1" }), null);
    assert.equal(claim([...before, carried], { application: "assistant", user: "sub_2" }), null);
    assert.equal(claim([...before, carried], { application: "assistant", user: null }), null);
  });

  test("picks up nothing when it is forged in any of its parts", () => {
    const mac = marker().slice(-44, -1);
    const other = mac.startsWith("A") ? "B" : "A";
    for (const sign of [
      `[portcullis-resume:v1.${hold}.1.${mac}]`,
      `[portcullis-resume:v1.${newId("hold", 0)}.0.${mac}]`,
      `[portcullis-resume:v1.${hold}.0.${other}${mac.slice(1)}]`,
      `[portcullis-resume:v1.${hold}.0.${mac.slice(1)}]`,
      `[portcullis-resume:v1.${hold}.0.${mac}A]`,
      `[portcullis-resume:v1.${hold}.00.${mac}]`,
      `[portcullis-resume:v1.${hold}.-0.${mac}]`,
      `[portcullis-resume:v1.${hold}.0.]`,
      `[portcullis-resume:v1.${hold}.0]`,
      `[portcullis-resume:v1.${hold}]`,
      "[portcullis-resume:v1....]",
      `[portcullis-resume:v1.${"9".repeat(200)}]`,
    ]) {
      // `00` and `0` are the same choice under the same signature.
      const expected = sign.includes(".00.") ? meant : null;
      assert.deepEqual(claim([...before, carrier(sign), next]), expected, sign);
    }
    const foreign = resumeMarker(new SecretValue(Buffer.alloc(32, 2)), {
      hold,
      choice: 0,
      ...who,
      before,
      text,
    });
    assert.equal(claim([...before, carrier(foreign), next]), null);
  });
});

describe("a body without its markers", () => {
  const strip = (body: string): string => withoutMarkers(Buffer.from(body)).toString("utf8");

  test("is the same bytes but for them, in any script", () => {
    const messages = [...before, carrier(marker(), `${text} ñ 漢字 👩‍👩‍👧 \u2028`), next];
    const body = JSON.stringify({ messages }, null, 2);
    assert.equal(strip(body), body.replace(marker(), ""));
    const invalid = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(marker()), Buffer.from([0xc3])]);
    assert.deepEqual(withoutMarkers(invalid), Buffer.from([0xff, 0xfe, 0xc3]));
  });

  test("is strict JSON where the body was, wherever a text has markers", () => {
    const sign = marker();
    for (const value of [
      sign,
      `${sign}${sign}`,
      `\\${sign}`,
      `"${sign}"`,
      { [sign]: sign },
      [sign, { a: `x${sign}` }],
    ]) {
      const body = JSON.stringify({ value });
      assert.ok(parseStrictJson(Buffer.from(body), 64).ok);
      const left = parseStrictJson(withoutMarkers(Buffer.from(body)), 64);
      assert.ok(left.ok, body);
      assert.ok(!mayCarryMarker(withoutMarkers(Buffer.from(body))));
    }
  });

  test("leaves what is no marker, and what is too long for one", () => {
    for (const body of [
      "portcullis-resume",
      "[portcullis-resume:v2.x]",
      `[portcullis-resume:v1.${"a".repeat(201)}]`,
      "[portcullis-resume:v1.]",
    ]) {
      assert.equal(strip(body), body);
    }
  });

  test("is found quickly in a large body of what is nearly one", () => {
    const body = Buffer.from("[portcullis-resume:v1.".repeat(500_000));
    assert.deepEqual(withoutMarkers(body), body);
    assert.equal(resumeClaim(key, [{ role: "assistant", content: body.toString() }], [], who), null);
  });

  test("is no authority: a marker in escapes is read as what it is, and one that is written so picks up no more", () => {
    const escaped = JSON.stringify({ messages: [...before, carrier(), next] }).replace(
      "[portcullis",
      "\\u005bportcullis",
    );
    const messages: readonly unknown[] = JSON.parse(escaped).messages;
    const body = withoutMarkers(Buffer.from(escaped));
    assert.ok(parseStrictJson(body, 64).ok);
    const unmarked: readonly unknown[] = JSON.parse(body.toString()).messages;
    assert.deepEqual(resumeClaim(key, messages, unmarked, who), meant);
    assert.equal(resumeClaim(key, messages, unmarked, { ...who, user: "sub_2" }), null);
  });
});
