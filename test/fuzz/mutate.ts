// Breaks documents as hostile or broken peers do: bytes, pieces of other documents, and what parsers differ in.

import type { Random } from "./random.ts";

/** What JSON readers, SSE readers and UTF-8 decoders are known to read differently. */
const pieces: readonly [Buffer, ...Buffer[]] = [
  Buffer.from('"'),
  ...[
    "\\",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "\\ud83d\\ude00",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "9007199254740993",
    "0.1",
    "01",
    "NaN",
    "Infinity",
    "//",
    "/**/",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\u0085",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\u0130",
    "\u212a",
    "data: ",
    "data:",
    "data",
    ": comment",
    "id: 1",
    "event: x",
    "retry: 1",
    "data: [DONE]\n\n",
    '"model":',
    '"Model":',
    '"\\u006dodel":',
    '"messages":',
    '"stream":true,',
    '"model":"x",',
    '"role":"user",',
    '"stream_options":null,',
    '"tools":[',
    '"tool_calls":[',
    '"TOOL_CALLS":[',
    '"function_call":{',
    '"choices":[',
    '"error":{',
    '"finish_reason":"tool_calls"',
    '"index":0',
    '"delta":{',
    '"__proto__":{',
    '"constructor":',
    '{"role":"user","content":"x"}',
    '{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}}',
  ].map((text) => Buffer.from(text)),
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from([0xe2, 0x80]),
  Buffer.from([0x00]),
];

const maxBytes = 4_096;

/** One to eight changes of one of the documents. */
export function mutated(random: Random, documents: readonly [Buffer, ...Buffer[]]): Buffer {
  let document = random.pick(documents);
  for (let changes = 1 + random.below(8); changes > 0; changes -= 1) {
    document = changed(random, document, random.pick(documents));
    if (document.length > maxBytes) document = document.subarray(0, maxBytes);
  }
  return document;
}

function changed(random: Random, document: Buffer, other: Buffer): Buffer {
  const at = random.below(document.length + 1);
  const end = Math.min(document.length, at + random.below(24));
  const [before, within, behind] = [
    document.subarray(0, at),
    document.subarray(at, end),
    document.subarray(end),
  ];
  switch (random.below(8)) {
    case 0:
      return Buffer.concat([before, Buffer.from([random.below(256)]), document.subarray(at + 1)]);
    case 1:
    case 2:
      return Buffer.concat([before, random.pick(pieces), document.subarray(at)]);
    case 3:
      return Buffer.concat([before, random.pick(pieces), behind]);
    case 4:
      return Buffer.concat([before, behind]);
    case 5:
      return Buffer.concat([before, within, within, behind]);
    case 6:
      return Buffer.concat([before, other.subarray(random.below(other.length + 1))]);
    default:
      return random.below(16) === 0
        ? Buffer.concat([before, Buffer.from("[".repeat(random.below(300))), behind])
        : Buffer.concat([before, within, random.pick(pieces), within, behind]);
  }
}
