import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkpointText, openCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { cosign, cosignaturesOn, parseWitnessKey, parseWitnessSigner, witnessSigner } from "./cosignature.ts";
import { formatSignerKey, noteSigner, parseVerifierKey } from "./signed-note.ts";

const root = Buffer.from("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "base64");
const log = noteSigner("example.com/behind-the-sofa", Buffer.alloc(32, 1));
const witness = witnessSigner("witness.example.com/w1", Buffer.alloc(32, 2));
const other = witnessSigner("witness.example.com/w2", Buffer.alloc(32, 3));
const text = checkpointText({ origin: log.name, size: 20852163, root });
const time = 1679315147;
const note = signCheckpoint(log, 20852163, root);
const line = cosign(witness, text, time);

describe("cosignatures", () => {
  it("come out byte for byte as the specification says, and as torchwood (Go) opens them", () => {
    assert.equal(
      witness.vkey,
      "witness.example.com/w1+745fb5e8+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
    );
    assert.equal(
      line,
      "— witness.example.com/w1 dF+16AAAAABkGFDLUwBLV8e4tjvb6qEHiNTQjDZIX+7tvd038taw9A7W/cQ7ZhSah0uJMOI6CTPez5qwHtE49MrkWhU349mtYmi3Dw==\n",
    );
  });

  it("are found beside the log's own signature, which stays what it was", () => {
    const cosigned = `${note}${line}${cosign(other, text, time + 1)}`;
    const found = cosignaturesOn(cosigned, [other, witness]);
    assert.ok(found.ok);
    assert.deepEqual(
      found.value.map((one) => [one.witness.name, one.time, `${one.line}\n` === line]),
      [
        [witness.name, time, true],
        [other.name, time + 1, false],
      ],
    );
    assert.deepEqual(openCheckpoint(cosigned, log), openCheckpoint(note, log));
    assert.deepEqual(cosignaturesOn(note, [witness]), { ok: true, value: [] });
  });

  it("count once for each witness, and by name and key id together", () => {
    const found = cosignaturesOn(`${note}${line}${cosign(witness, text, time + 9)}`, [witness]);
    assert.ok(found.ok);
    assert.deepEqual(
      found.value.map((one) => one.time),
      [time],
    );
    const namesake = witnessSigner(witness.name, Buffer.alloc(32, 9));
    assert.deepEqual(cosignaturesOn(`${note}${line}`, [namesake]), { ok: true, value: [] });
  });

  it("fail the note when one by a known witness is over anything else", () => {
    const signed = line.split(" ")[2] ?? "";
    const bytes = Buffer.from(signed, "base64");
    const spoilt = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return changed;
    });
    const cut = [bytes.subarray(0, -1), bytes.subarray(0, 12), Buffer.concat([bytes, Buffer.alloc(1)])];
    for (const changed of [...spoilt.slice(32), ...cut]) {
      const found = cosignaturesOn(`${note}— ${witness.name} ${changed.toString("base64")}\n`, [witness]);
      assert.deepEqual(found, {
        ok: false,
        failure: { reason: "wrong_cosignature", witness: witness.name },
      });
    }
    for (const changed of spoilt.slice(0, 32)) {
      const found = cosignaturesOn(`${note}— ${witness.name} ${changed.toString("base64")}\n`, [witness]);
      assert.deepEqual(found, { ok: true, value: [] }, "another key id is another key");
    }
    const moved = `${note.replace("\n20852163\n", "\n20852164\n")}${line}`;
    assert.equal(cosignaturesOn(moved, [witness]).ok, false);
    assert.equal(cosignaturesOn(`${text}${line}`, [witness]).ok, false, "no blank line");
  });

  it("cover extension lines, and have a time", () => {
    const extended = `${text}extension\n`;
    assert.ok(cosignaturesOn(`${extended}\n${cosign(witness, extended, time)}`, [witness]).ok);
    assert.equal(cosignaturesOn(`${extended}\n${line}`, [witness]).ok, false);
    for (const never of [0, -1, 1.5, Number.NaN, 2 ** 53])
      assert.throws(() => cosign(witness, text, never), RangeError);
  });
});

describe("keys of witnesses", () => {
  it("are other keys than those of logs, also under the same name and seed", () => {
    const seed = Buffer.alloc(32, 4);
    const [asLog, asWitness] = [noteSigner("both.example", seed), witnessSigner("both.example", seed)];
    assert.notEqual(asLog.keyId, asWitness.keyId);
    assert.deepEqual(parseWitnessKey(asWitness.vkey).ok, true);
    assert.deepEqual(parseWitnessKey(asLog.vkey), {
      ok: false,
      failure: "its key is not a witness's Ed25519 key (type 0x04)",
    });
    assert.equal(parseVerifierKey(asWitness.vkey).ok, false);
  });

  it("are written as they are read", () => {
    const seed = Buffer.alloc(32, 5);
    const read = parseWitnessSigner(formatSignerKey("w.example", seed, 0x04));
    assert.ok(read.ok);
    assert.equal(read.value.vkey, witnessSigner("w.example", seed).vkey);
    assert.equal(parseWitnessSigner(formatSignerKey("w.example", seed)).ok, false);
  });
});
