import assert from "node:assert/strict";
import { test } from "node:test";
import { leafSamples } from "portcullis-verify/leaves/leaf-samples.test-support.ts";
import { type Leaf, leafSchema } from "portcullis-verify/leaves/leaf-schema.ts";
import { z } from "zod";
import { entryFormats, entryLine } from "./entry-line.ts";

const stamp = {
  v: 1,
  id: "01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c",
  time: "2026-11-23T09:30:00.000Z",
  instance: "inst_1",
};
const leaves: readonly Leaf[] = Object.values(leafSamples).map((body) =>
  leafSchema.parse({ ...body, ...stamp }),
);
const lines = (format: (typeof entryFormats)[number]) =>
  leaves.map((leaf): unknown =>
    JSON.parse(entryLine(format, { index: 7, leaf, origin: "gate.example/log" })),
  );

test("every kind of entry is one line in every format, and the whole entry stands in it", () => {
  for (const format of entryFormats) {
    for (const leaf of leaves) {
      const line = entryLine(format, { index: 7, leaf, origin: "gate.example/log" });
      assert.doesNotMatch(line, /\n/);
      assert.match(line, /01939f6e-3c2b-7d10-8a53-0d4c5f6a7b8c/);
    }
  }
});

test("a CloudEvent has what version 1.0 asks for, and attribute names of lower-case letters and digits", () => {
  const event = z.looseObject({
    specversion: z.literal("1.0"),
    id: z.literal(stamp.id),
    source: z.literal("//gate.example/log"),
    type: z.string().startsWith("portcullis."),
    time: z.iso.datetime(),
    datacontenttype: z.literal("application/json"),
    logindex: z.literal("7"),
    data: z.looseObject({ id: z.literal(stamp.id) }),
  });
  for (const line of lines("cloudevents")) {
    for (const name of Object.keys(event.parse(line))) assert.match(name, /^[a-z0-9]{1,20}$/);
  }
});

const ocsf = z.looseObject({
  category_uid: z.int(),
  class_uid: z.int(),
  activity_id: z.int(),
  type_uid: z.int(),
  time: z.literal(Date.parse(stamp.time)),
  severity_id: z.literal(1),
  metadata: z.looseObject({
    version: z.literal("1.6.0"),
    product: z.looseObject({ name: z.literal("Portcullis") }),
    uid: z.literal(stamp.id),
  }),
  unmapped: z.looseObject({ id: z.literal(stamp.id) }),
});
/** What each class asks for besides (OCSF 1.6.0). */
const required: Readonly<Record<number, readonly string[]>> = {
  3004: ["actor", "entity"],
  6002: ["app"],
  6003: ["actor", "api", "src_endpoint"],
};

test("an OCSF event has what its class asks for, and numbers that fit together", () => {
  const classes = new Set<number>();
  for (const line of lines("ocsf")) {
    const event = ocsf.parse(line);
    classes.add(event.class_uid);
    assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
    assert.equal(event.category_uid, Math.floor(event.class_uid / 1000));
    for (const name of required[event.class_uid] ?? ["no class of ours"]) assert.ok(name in event, name);
    if (event.activity_id === 99) assert.ok("activity_name" in event);
  }
  assert.deepEqual(classes, new Set([3004, 6002, 6003]));
});

test("an OpenTelemetry line is OTLP in JSON: 64-bit integers are strings, and what was refused is a warning", () => {
  const value = z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^\d+$/) }),
  ]);
  const attributes = z.array(z.strictObject({ key: z.string().regex(/^[a-z_.]+$/), value }));
  const logs = z.strictObject({
    resourceLogs: z.tuple([
      z.strictObject({
        resource: z.strictObject({ attributes }),
        scopeLogs: z.tuple([
          z.strictObject({
            scope: z.strictObject({ name: z.literal("gate.example/log") }),
            logRecords: z.tuple([
              z.strictObject({
                timeUnixNano: z.literal(`${Date.parse(stamp.time)}000000`),
                observedTimeUnixNano: z.string(),
                severityNumber: z.int().min(1).max(24),
                severityText: z.enum(["INFO", "WARN"]),
                eventName: z.string(),
                body: z.strictObject({ stringValue: z.string() }),
                attributes,
              }),
            ]),
          }),
        ]),
      }),
    ]),
  });
  const severities = new Set(
    lines("otel").map((line) => {
      const [record] = logs.parse(line).resourceLogs[0].scopeLogs[0].logRecords;
      const refused = /"decision":"(?:deny|hold)"|"outcome":"(?!ok|partial)|vote_refused/.test(
        record.body.stringValue,
      );
      assert.equal(record.severityText, refused ? "WARN" : "INFO", record.body.stringValue);
      return record.severityText;
    }),
  );
  assert.ok(severities.has("INFO"));
});
