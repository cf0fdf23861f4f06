// Who is behind a request to the admin API, and what people who are let in are called.

import { personName } from "../core/person-name.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { fileOperator } from "./operator-token.ts";

export interface Operator {
  readonly name: string;
  /** `bootstrap`: by the token in the gateway's own file, which is for administration. `token`: a person, by theirs. */
  readonly method: "bootstrap" | "token";
}

export type NameFault = "no_address" | "of_the_file";

/** The name under which a person is let in, in one way of writing it. */
export function invitedName(written: string): Result<string, NameFault> {
  const name = personName(written);
  if (name === fileOperator) return fail("of_the_file");
  // Nothing that is invisible, and nothing that the config would read as a group.
  const isAddress =
    /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(name) && name.length <= 254 && !name.startsWith("group:");
  return isAddress ? ok(name) : fail("no_address");
}
