// What a verification leaves open. It is told with every result: "it holds" means no more than what was checked.

import type { Unreplayable } from "./replay-rules.ts";

export type NotChecked =
  | { readonly reason: "no_pin" }
  | { readonly reason: "pin_beside_log" }
  | { readonly reason: "key_from_log" }
  | { readonly reason: "nothing_signed" }
  | { readonly reason: "copy" }
  | { readonly reason: "unsealed"; readonly entries: number }
  | { readonly reason: "salts"; readonly entries: number }
  | { readonly reason: "voters"; readonly votes: number }
  | { readonly reason: "deliveries"; readonly deliveries: number }
  | { readonly reason: "use_times"; readonly uses: number }
  | { readonly reason: "no_replay"; readonly decisions: number }
  | { readonly reason: "unreplayable"; readonly why: Unreplayable; readonly decisions: number }
  | { readonly reason: "unwitnessed"; readonly entries: number }
  | { readonly reason: "no_witness" };

/** One line for people; lowercase, no full stop. */
export function notCheckedText(open: NotChecked): string {
  switch (open.reason) {
    case "no_pin":
      return "a head kept outside: this was checked against the log's own signature only; a rewritten log signed with its key would not show, nor would a cut-off end";
    case "pin_beside_log":
      return "a head kept elsewhere: the one used lies beside the log, where whoever has the log's key can replace it";
    case "key_from_log":
      return "whose key signed it: the verifier key is the one that the log itself names";
    case "nothing_signed":
      return "any entry: no checkpoint that can be believed says how many there are";
    case "copy":
      return "what a store keeps beside its entries (ids, salts, its head, earlier checkpoints): a copy has none of it";
    case "unsealed":
      return `the last ${open.entries} entries against any signature: no checkpoint covers them yet`;
    case "salts":
      return `the salts of ${open.entries} entries, which only kept payload can contradict: that takes the key that it is sealed under`;
    case "voters":
      return `whether those who cast ${open.votes} votes were approvers, and had not asked themselves: the log knows people by pseudonyms only`;
    case "deliveries":
      return `${open.deliveries} deliveries of what had been released long before: more was released since than is remembered`;
    case "use_times":
      return `whether ${open.uses} approvals were used, or lapsed, in their time: entries from before that was recorded do not say it`;
    case "no_replay":
      return `whether policy gives the same outcome again for ${open.decisions} decisions`;
    case "unreplayable":
      return `whether policy gives the same outcome again for ${open.decisions} decisions: ${whyUnreplayable(open.why)}`;
    case "no_witness":
      return "signatures of witnesses: no policy names any";
    case "unwitnessed":
      return `the last ${open.entries} entries against any witness: not enough have cosigned them yet`;
  }
}

function whyUnreplayable(why: Unreplayable): string {
  switch (why) {
    case "revision_missing":
      return "the policies that they name are not kept";
    case "revision_unreadable":
      return "the policies that they name are of a form, or for an engine, that this version does not read";
    case "facts_unknown":
      return "they rest on personal facts, which are erased, not kept, or sealed under a key that is not at hand";
    case "sign_offs_unknown":
      return "no entry says which sign-offs they were taken with";
  }
}
