// Why a log is not copied: what contradicts stays as it is, for somebody to look at.

import { type CheckpointFailure, checkpointFailureText } from "portcullis-verify/log/checkpoint.ts";

export type CopyRefusal =
  | { readonly reason: "no_log" }
  | { readonly reason: "bad_key"; readonly detail: string }
  | { readonly reason: "not_a_copy" }
  | { readonly reason: "other_log"; readonly expected: string; readonly found: string }
  | { readonly reason: "bad_checkpoint"; readonly of: "source" | "copy"; readonly failure: CheckpointFailure }
  | { readonly reason: "older"; readonly copied: number; readonly found: number }
  | { readonly reason: "damaged_copy"; readonly size: number }
  | { readonly reason: "other_tree"; readonly copied: number; readonly size: number }
  | { readonly reason: "entries_missing"; readonly entry: number; readonly size: number }
  | { readonly reason: "other_policies"; readonly revision: string };

/** `source` and `folder` in words. */
export function copyRefusalText(refusal: CopyRefusal, source: string, folder: string): string {
  switch (refusal.reason) {
    case "no_log":
      return `the log in ${source} has no key and no checkpoint yet; start its gateway`;
    case "bad_key":
      return `the verifier key cannot be used: ${refusal.detail}`;
    case "not_a_copy":
      return `\`${folder}\` holds other things than a copy of a log; name an empty folder, or a new one`;
    case "other_log":
      return `another log was expected: the key is \`${refusal.found}\`, not \`${refusal.expected}\`; name another folder`;
    case "bad_checkpoint": {
      const where = refusal.of === "source" ? source : `\`${folder}\``;
      return `the checkpoint in ${where} cannot be believed: ${checkpointFailureText(refusal.failure)}`;
    }
    case "older":
      return `the log in ${source} has ${refusal.found} entries, and the copy in \`${folder}\` has ${refusal.copied} that were signed: entries are gone; keep both and run \`portcullis audit verify\` on them`;
    case "damaged_copy":
      return `the hashes in \`${folder}\` do not hash to its checkpoint of ${refusal.size} entries: the copy was changed; keep it, and copy to another folder`;
    case "other_tree":
      return `the entries in ${source} do not hash to its checkpoint of ${refusal.size} entries on top of the ${refusal.copied} that are in \`${folder}\`: one of them was changed; keep both and run \`portcullis audit verify\` on them`;
    case "entries_missing":
      return `entry ${refusal.entry} is missing in ${source}, whose checkpoint is of ${refusal.size} entries; run \`portcullis audit verify\` on it`;
    case "other_policies":
      return `what ${source} keeps of the policies \`${refusal.revision}\` does not hash to that name: it was changed`;
  }
}
