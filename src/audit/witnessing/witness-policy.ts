// Which witnesses are enough for a checkpoint to be given out, and whether these are among those who cosigned one.

import { type Cosignature, cosignaturesOn, type WitnessVerifier } from "portcullis-verify/log/cosignature.ts";
import { meetsQuorum, type TlogPolicy } from "portcullis-verify/log/tlog-policy.ts";

/** Of a policy what says who is enough. */
export type WitnessQuorum = Pick<TlogPolicy, "witnesses" | "groups" | "quorum">;

/** So many of these, whichever; 0 asks for none. */
export function quorumOf(count: number, verifiers: readonly WitnessVerifier[]): WitnessQuorum {
  const witnesses = verifiers.map((verifier, at) => ({ name: `w${at}`, verifier, url: null }));
  const group = { name: "enough", threshold: count, members: witnesses.map(({ name }) => name) };
  return count === 0
    ? { witnesses, groups: [], quorum: null }
    : { witnesses, groups: [group], quorum: group.name };
}

/** Whether the quorum could be met at all when only these cosign. */
export function canBeMet(quorum: WitnessQuorum, verifiers: readonly WitnessVerifier[]): boolean {
  return meetsQuorum(quorum, new Set(verifiers.map(({ vkey }) => vkey)));
}

/** Whether a checkpoint with these cosignatures may be given out. */
export function areEnough(quorum: WitnessQuorum, cosignatures: readonly Cosignature[]): boolean {
  return meetsQuorum(quorum, new Set(cosignatures.map(({ witness }) => witness.vkey)));
}

/** Whether the note has cosignatures that are enough, and no wrong one. */
export function isWitnessed(quorum: WitnessQuorum, note: string): boolean {
  const found = cosignaturesOn(
    note,
    quorum.witnesses.map(({ verifier }) => verifier),
  );
  return found.ok && areEnough(quorum, found.value);
}
