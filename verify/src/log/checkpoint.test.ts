import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkpointFailureText,
  checkpointText,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "./checkpoint.ts";
import { noteSigner, signNote } from "./signed-note.ts";

const root = Buffer.from("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "base64");
// The example of c2sp.org/tlog-checkpoint.
const example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const signer = noteSigner("gate.example/log", Buffer.alloc(32, 1));

describe("checkpoints", () => {
  it("are written and read as in the specification", () => {
    const checkpoint = { origin: "example.com/behind-the-sofa", size: 20852163, root };
    assert.equal(checkpointText(checkpoint), example);
    assert.deepEqual(parseCheckpoint(example), { ok: true, value: checkpoint });
  });

  it("open under the log's key, and ignore extension lines", () => {
    assert.deepEqual(openCheckpoint(signCheckpoint(signer, 7, root), signer), {
      ok: true,
      value: { origin: "gate.example/log", size: 7, root },
    });
    const extended = `${checkpointText({ origin: signer.name, size: 7, root })}extension\n`;
    assert.ok(openCheckpoint(signNote(extended, [signer]), signer).ok);
  });

  it("are refused when they are forged, or of another log under the same key", () => {
    const forged = signCheckpoint(signer, 7, root).replace("\n7\n", "\n8\n");
    const other = signNote(checkpointText({ origin: "other.example/log", size: 7, root }), [signer]);
    const reasons = [forged, other].map((note) => {
      const opened = openCheckpoint(note, signer);
      assert.ok(!opened.ok);
      assert.notEqual(checkpointFailureText(opened.failure), "");
      return opened.failure.reason;
    });
    assert.deepEqual(reasons, ["invalid_signature", "other_origin"]);
  });

  it("are malformed with any other spelling", () => {
    const [origin, size, hash] = example.split("\n");
    const broken = [
      `${origin}\n${size}\n`,
      `${origin}\n0${size}\n${hash}\n`,
      `${origin}\n+1\n${hash}\n`,
      `${origin}\n9007199254740993\n${hash}\n`,
      `${origin}\n${size}\n${hash?.slice(4)}\n`,
      `${origin}\n${size}\n${hash?.slice(0, -1)}\n`,
      `\n${size}\n${hash}\n`,
      `${origin}\n${size}\n${hash}\n\n`,
      example.slice(0, -1),
    ];
    for (const text of broken) assert.equal(parseCheckpoint(text).ok, false, JSON.stringify(text));
  });
});
