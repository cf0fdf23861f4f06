// Whom it takes to believe a checkpoint: logs, witnesses, and which of them are enough (c2sp.org/tlog-policy).

import { fail, ok, type Result } from "../result.ts";
import { parseWitnessKey, type WitnessVerifier } from "./cosignature.ts";
import { type NoteVerifier, parseVerifierKey, type SignatureType, type VerifierKey } from "./signed-note.ts";

export interface PolicyLog {
  readonly verifier: NoteVerifier;
  readonly url: string | null;
}

export interface PolicyWitness {
  /** Of the policy alone. An octet string: each character stands for one octet. */
  readonly name: string;
  readonly verifier: WitnessVerifier;
  readonly url: string | null;
}

/** Has witnessed what at least `threshold` of its members have. */
export interface PolicyGroup {
  readonly name: string;
  readonly threshold: number;
  /** Names of witnesses, and of groups that stand before it. */
  readonly members: readonly string[];
}

export interface TlogPolicy {
  /** None: whoever uses the policy knows the log from elsewhere. */
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  /** In the order of the file. */
  readonly groups: readonly PolicyGroup[];
  /** Name of a witness or a group; null asks for no cosignature (`quorum none`). */
  readonly quorum: string | null;
}

export interface PolicyFault {
  /** From 1; null when it is in no line. */
  readonly line: number | null;
  /** Lowercase, no full stop. */
  readonly detail: string;
}

const maxBytes = 1024 * 1024;
const none = "none";

/** Reads a policy file, octet by octet as the specification has it. */
export function parseTlogPolicy(bytes: Uint8Array): Result<TlogPolicy, PolicyFault> {
  if (bytes.length > maxBytes) return fail({ line: null, detail: `it is larger than ${maxBytes} bytes` });
  const lines = Buffer.from(bytes).toString("latin1").split("\n");
  if (lines.pop() !== "") return fail({ line: lines.length + 1, detail: "the last line has no newline" });
  const reading = new PolicyReading();
  for (const [at, line] of lines.entries()) {
    const detail = reading.read(line);
    if (detail !== null) return fail({ line: at + 1, detail });
  }
  return reading.finish();
}

/** Whether these witnesses (by `vkey`) are enough. */
export function meetsQuorum(
  { witnesses, groups, quorum }: Pick<TlogPolicy, "witnesses" | "groups" | "quorum">,
  cosigned: ReadonlySet<string>,
): boolean {
  if (quorum === null) return true;
  const witnessed = new Set(
    witnesses.filter(({ verifier }) => cosigned.has(verifier.vkey)).map(({ name }) => name),
  );
  // A group names only what stands before it, so one pass in their order is enough however deep they go.
  for (const { name, threshold, members } of groups)
    if (members.filter((member) => witnessed.has(member)).length >= threshold) witnessed.add(name);
  return witnessed.has(quorum);
}

class PolicyReading {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #groups: PolicyGroup[] = [];
  readonly #names = new Set<string>();
  readonly #members = new Set<string>();
  #quorum: string | null | undefined;

  /** What is wrong with the line, or null. */
  read(line: string): string | null {
    if (hasControlCharacter(line)) return "it has a control character other than tab";
    const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== "");
    if (keyword === undefined || keyword.startsWith("#")) return null;
    switch (keyword) {
      case "log":
        return this.#log(items);
      case "witness":
        return this.#witness(items);
      case "group":
        return this.#group(items);
      case "quorum":
        return this.#setQuorum(items);
      default:
        return `\`${textOf(keyword)}\` is no keyword; write log, witness, group or quorum`;
    }
  }

  finish(): Result<TlogPolicy, PolicyFault> {
    if (this.#quorum === undefined)
      return fail({ line: null, detail: "it has no quorum line; write `quorum none` to ask for none" });
    return ok({
      logs: this.#logs,
      witnesses: this.#witnesses,
      groups: this.#groups,
      quorum: this.#quorum,
    });
  }

  #log(items: readonly string[]): string | null {
    const [vkey, url, ...more] = items;
    if (vkey === undefined || more.length > 0) return "write log VKEY [URL]";
    const verifier = parseVerifierKey(textOf(vkey));
    if (!verifier.ok) return `the log's key cannot be used: ${verifier.failure}`;
    const { value } = verifier;
    if (this.#logs.some((log) => sameKey(log.verifier, value))) return "this log's key stands twice";
    this.#logs.push({ verifier: value, url: url === undefined ? null : textOf(url) });
    return null;
  }

  #witness(items: readonly string[]): string | null {
    const [name, vkey, url, ...more] = items;
    if (name === undefined || vkey === undefined || more.length > 0) return "write witness NAME VKEY [URL]";
    const verifier = parseWitnessKey(textOf(vkey));
    if (!verifier.ok) return `the witness's key cannot be used: ${verifier.failure}`;
    const { value } = verifier;
    if (this.#witnesses.some((witness) => sameKey(witness.verifier, value)))
      return "this witness's key stands twice";
    this.#witnesses.push({ name, verifier: value, url: url === undefined ? null : textOf(url) });
    return this.#define(name);
  }

  #group(items: readonly string[]): string | null {
    const [name, count, ...members] = items;
    if (name === undefined || count === undefined || members.length === 0)
      return "write group NAME all|any|COUNT MEMBER…";
    const threshold = thresholdOf(count, members.length);
    if (threshold === null) return `\`${textOf(count)}\` is neither all, any nor 1 to ${members.length}`;
    for (const member of members) {
      if (!this.#names.has(member)) return `\`${textOf(member)}\` is not defined on a line before`;
      // INVARIANT: each witness counts in one way only.
      if (this.#members.has(member)) return `\`${textOf(member)}\` is a member already`;
      this.#members.add(member);
    }
    this.#groups.push({ name, threshold, members });
    return this.#define(name);
  }

  #setQuorum(items: readonly string[]): string | null {
    const [name, ...more] = items;
    if (name === undefined || more.length > 0) return "write quorum NAME, or quorum none";
    if (this.#quorum !== undefined) return "there is a quorum line already";
    if (name !== none && !this.#names.has(name)) return `\`${textOf(name)}\` is not defined on a line before`;
    this.#quorum = name === none ? null : name;
    return null;
  }

  #define(name: string): string | null {
    if (name === none) return "`none` means no witness; choose another name";
    if (this.#names.has(name)) return `\`${textOf(name)}\` is defined already`;
    this.#names.add(name);
    return null;
  }
}

/** Octets from 0x80 on are no characters here, and allowed. */
function hasControlCharacter(line: string): boolean {
  for (let at = 0; at < line.length; at += 1) {
    const octet = line.charCodeAt(at);
    if ((octet < 0x20 && octet !== 0x09) || octet === 0x7f) return true;
  }
  return false;
}

function thresholdOf(count: string, members: number): number | null {
  if (count === "all") return members;
  if (count === "any") return 1;
  const threshold = Number(count);
  return /^[1-9][0-9]{0,8}$/.test(count) && threshold <= members ? threshold : null;
}

function sameKey(one: VerifierKey<SignatureType>, other: VerifierKey<SignatureType>): boolean {
  return one.publicKey.equals(other.publicKey);
}

/** Octets as the UTF-8 that they should be; what is not becomes U+FFFD, which no key has in its name. */
function textOf(octets: string): string {
  return Buffer.from(octets, "latin1").toString("utf8");
}
