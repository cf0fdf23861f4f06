// An upstream that costs next to nothing: it answers every request with the same bytes, over raw sockets, so that what is
// measured is the proxy in front of it. Streams of the model `gpt-cut` break half-way, those of `gpt-halt` say no more from
// there until SIGUSR2, and `gpt-mute` says nothing at all. Prints its port.

import { createServer, type Socket } from "node:net";
import { RequestReader } from "./http-framing.ts";

/** Events of a streamed answer, and the pieces in which they are written. */
const events = 32;
const pieces = 8;

const usage = { prompt_tokens: 20, completion_tokens: 32, total_tokens: 52 };
const id = "chatcmpl-bench";
const model = "gpt-bench";

const json = Buffer.from(
  JSON.stringify({
    id,
    object: "chat.completion",
    created: 1_760_000_000,
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "word ".repeat(100).trim() },
        finish_reason: "stop",
      },
    ],
    usage,
  }),
);
const whole = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n`),
  json,
]);
const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
);

function event(data: string): string {
  const text = `data: ${data}\n\n`;
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function chunk(choices: readonly object[], extra: object = {}): string {
  const base = { id, object: "chat.completion.chunk", created: 1_760_000_000, model };
  return event(JSON.stringify({ ...base, choices, ...extra }));
}

const words = Array.from({ length: events }, () =>
  chunk([{ index: 0, delta: { content: " word" }, finish_reason: null }]),
);
const streamPieces = Array.from({ length: pieces }, (_, at) =>
  Buffer.from(words.slice((at * events) / pieces, ((at + 1) * events) / pieces).join("")),
);
const streamEnd = Buffer.from(
  `${chunk([{ index: 0, delta: {}, finish_reason: "stop" }])}${chunk([], { usage })}${event("[DONE]")}0\r\n\r\n`,
);

/** Streams half-way, that go on when they are told to. */
const halted = new Set<() => void>();
process.on("SIGUSR2", () => {
  for (const goOn of halted) goOn();
});

function answerStream(socket: Socket, model: string): void {
  socket.write(streamHead);
  let at = 0;
  const next = (): void => {
    if (at === pieces / 2 && model === "gpt-halt" && !halted.delete(next)) {
      halted.add(next);
      return void socket.once("close", () => halted.delete(next));
    }
    if (at === pieces / 2 && model === "gpt-cut") return socket.destroySoon();
    const piece = streamPieces[at];
    at += 1;
    if (piece === undefined) return void socket.write(streamEnd);
    socket.write(piece);
    setImmediate(next);
  };
  next();
}

const server = createServer({ noDelay: true }, (socket) => {
  const reader = new RequestReader((body) => {
    const [, asked = ""] = /"model":"([^"]*)"/.exec(body.toString("latin1", 0, 200)) ?? [];
    if (asked === "gpt-mute") return;
    if (body.includes('"stream":true')) answerStream(socket, asked);
    else socket.write(whole);
  });
  socket.on("data", (data) => reader.push(data));
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : "");
});
process.once("SIGTERM", () => process.exit(0));
