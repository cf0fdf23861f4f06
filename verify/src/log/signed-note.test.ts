import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  formatSignerKey,
  noteSigner,
  openNote,
  parseSignerKey,
  parseVerifierKey,
  signNote,
} from "./signed-note.ts";

// The keys and notes of golang.org/x/mod/sumdb/note's documentation and tests, and of c2sp.org/signed-note.
const peterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const enochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const text =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const peterLine =
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const enochLine =
  "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
const note = `${text}\n${peterLine}${enochLine}`;
const specKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const specNote =
  "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

function verifier(vkey: string) {
  const parsed = parseVerifierKey(vkey);
  assert.ok(parsed.ok);
  return parsed.value;
}

function peter() {
  const parsed = parseSignerKey(peterSecret);
  assert.ok(parsed.ok);
  return parsed.value;
}

describe("signed notes", () => {
  it("come out byte for byte as the reference implementation writes them", () => {
    const enoch = noteSigner("EnochRoot", Buffer.alloc(32));
    assert.equal(enoch.vkey, enochKey);
    assert.equal(peter().vkey, peterKey);
    assert.equal(signNote(text, [peter(), enoch]), note);
  });

  it("open with any of their keys, and ignore signatures by others", () => {
    assert.deepEqual(openNote(note, [verifier(enochKey)]), {
      ok: true,
      value: { text, signedBy: ["EnochRoot"] },
    });
    assert.deepEqual(openNote(note, [verifier(enochKey), verifier(peterKey)]), {
      ok: true,
      value: { text, signedBy: ["PeterNeumann", "EnochRoot"] },
    });
    const opened = openNote(specNote, [verifier(specKey)]);
    assert.ok(opened.ok && opened.value.text === "This is an example message.\n");
  });

  it("fail when nobody we know signed, and when somebody we know did not sign this", () => {
    assert.deepEqual(openNote(specNote, [verifier(peterKey)]), {
      ok: false,
      failure: { reason: "not_signed", by: [peterKey] },
    });
    const forged = openNote(note.replace("answer", "answers"), [verifier(peterKey)]);
    assert.deepEqual(forged, {
      ok: false,
      failure: { reason: "invalid_signature", name: "PeterNeumann", keyId: 0xc74f20a3 },
    });
  });

  it("keep blank lines in the text: the last one divides", () => {
    const twoParagraphs = "one\n\ntwo\n";
    const opened = openNote(signNote(twoParagraphs, [peter()]), [peter()]);
    assert.ok(opened.ok && opened.value.text === twoParagraphs);
  });

  it("are malformed when anything is out of place", () => {
    const broken = [
      "",
      text,
      `${text}\n`,
      note.slice(0, -1),
      note.replace("— P", "- P"),
      note.replace("— P", "—  P"),
      note.replace(" x08", "  x08"),
      note.replace("x08go", "x08g"),
      note.replace("you", "y\tu"),
      note.replace("you", "y\ud800u"),
      note.replace("\n\n", "\n"),
      `${text}\n— PeterNeumann AAAA\n`,
      `${text}\n— Peter+Neumann x08go/ZJkuA=\n`,
      `${text}\n${peterLine.repeat(101)}`,
    ];
    for (const candidate of broken) {
      const opened = openNote(candidate, [verifier(peterKey)]);
      assert.equal(opened.ok || opened.failure.reason, "malformed_note", JSON.stringify(candidate));
    }
    for (const unsignable of ["no newline", "bell\u0007\n", "\ud800\n"]) {
      assert.throws(() => signNote(unsignable, [peter()]), TypeError);
    }
  });
});

describe("note keys", () => {
  it("are refused when any part is cut off or changed", () => {
    for (const [key, parse] of [
      [peterKey, parseVerifierKey],
      [peterSecret, parseSignerKey],
    ] as const) {
      for (let start = 0; start < key.length; start += 1) {
        for (let end = start + 1; end <= key.length; end += 1) {
          if (start === 0 && end === key.length) continue;
          assert.equal(parse(key.slice(start, end)).ok, false);
        }
        const changed = String.fromCharCode(key.charCodeAt(start) + 1);
        assert.equal(parse(key.slice(0, start) + changed + key.slice(start + 1)).ok, false);
      }
    }
  });

  it("are refused when they have another length or algorithm under a fitting key id", () => {
    assert.equal(
      parseVerifierKey("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==").ok,
      false,
    );
    assert.equal(
      parseVerifierKey("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").ok,
      false,
    );
  });

  it("are written as they are read", () => {
    const seed = Buffer.alloc(32, 9);
    const parsed = parseSignerKey(formatSignerKey("gate.example/log", seed));
    assert.ok(parsed.ok);
    assert.equal(parsed.value.vkey, noteSigner("gate.example/log", seed).vkey);
    assert.throws(() => noteSigner("two words", seed), TypeError);
    assert.throws(() => noteSigner("a+b", seed), TypeError);
  });
});
