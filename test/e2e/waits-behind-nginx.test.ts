// An nginx that nobody has set up for us, between a client and what waits: by itself it ends what is silent for too long.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askMail,
  decide,
  invite,
  mailBody,
  mailConfig,
  mailFolder,
  mailModel,
  pending,
  proposal,
} from "./mail-gate.ts";
import { withoutCommand } from "./needs.ts";
import { startBareNginx } from "./nginx.ts";
import { startGateway } from "./test-gateway.ts";

const skip = withoutCommand("nginx", "install it with `apt-get install nginx-light`");

/** nginx's own is 60 s, and our heartbeat 15 s: the same in a thirtieth of the time. */
const patience = "proxy_read_timeout 2s;";
const beatMs = 500;
/** Of beats: more than twice as long as nginx is patient. */
const held = 10;

test("what waits for several times as long as nginx is patient comes through, for the heartbeats", {
  skip,
}, async (t) => {
  const upstream = await mailModel(t);
  const approvals = `{ open_after: ${beatMs}ms, heartbeat: ${beatMs}ms }`;
  const gateway = await startGateway(mailFolder(t, mailConfig(upstream, { approvals })));
  t.after(() => gateway.kill());
  const token = await invite(gateway, "ben");
  await using nginx = await startBareNginx(gateway.url, patience);
  await Promise.all(
    (["whole", "stream"] as const).map(async (mode) => {
      const answer = await askMail(nginx, gateway.key ?? "", mailBody(mode, mode));
      assert.equal(answer.status, 200);
      let text = "";
      let beats = 0;
      const decoder = new TextDecoder();
      for await (const chunk of answer.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        beats += 1;
        if (beats !== held) continue;
        const approval = (await pending(gateway, token)).find(({ call }) => call === callOf(answer));
        assert.ok(approval);
        await decide(gateway, token, approval);
      }
      if (mode === "whole") assert.equal(text.trimStart(), proposal.whole);
      else assert.equal(withoutBeats(text), proposal.stream);
    }),
  );
  await gateway.stop();
});

test("without heartbeats nginx would have ended it", { skip }, async (t) => {
  const upstream = await mailModel(t);
  const gateway = await startGateway(
    mailFolder(t, mailConfig(upstream, { approvals: "{ open_after: 1h, heartbeat: 1h }" })),
  );
  t.after(() => gateway.kill());
  const token = await invite(gateway, "ben");
  await using nginx = await startBareNginx(gateway.url, patience);
  const answer = await askMail(nginx, gateway.key ?? "", mailBody("whole"));
  assert.equal(answer.status, 504);
  await answer.text();
  // The same once more gets it: what waited was left as it was.
  const [approval] = await pending(gateway, token);
  assert.ok(approval);
  await decide(gateway, token, approval);
  const again = await askMail(nginx, gateway.key ?? "", mailBody("whole"));
  assert.equal(await again.text(), proposal.whole);
  assert.equal(upstream.bodies.length, 1);
  await gateway.stop();
});

function callOf(answer: Response): string | null {
  return answer.headers.get("x-portcullis-call");
}

function withoutBeats(text: string): string {
  return text
    .replaceAll(": waiting\n\n", "")
    .replace(/data: [^\n]*"delta":\{\},"finish_reason":null[^\n]*\n\n/g, "");
}
