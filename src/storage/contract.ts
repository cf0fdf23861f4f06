// What every driver has to keep: the guarantees that the features' store interfaces state, raced and restarted. A new
// driver passes this suite and is done.

import { describe } from "node:test";
import { describeAdministrationContract } from "./contract/administration-contract.ts";
import { describeApprovalContract } from "./contract/approval-contract.ts";
import { describeCounterContract } from "./contract/counter-contract.ts";
import type { OpenStorage } from "./contract/driver.ts";
import { describeErasableContract } from "./contract/erasable-contract.ts";
import { describeFenceContract } from "./contract/fence-contract.ts";
import { describeLogContract } from "./contract/log-contract.ts";
import { describeOperatorContract } from "./contract/operator-contract.ts";
import { describeUsageContract } from "./contract/usage-contract.ts";

/** `open` gives fresh data on every call. */
export function describeStorageContract(name: string, open: OpenStorage): void {
  describe(`storage on ${name}`, () => {
    describeLogContract(open);
    describeErasableContract(open);
    describeAdministrationContract(open);
    describeOperatorContract(open);
    describeUsageContract(open);
    describeCounterContract(open);
    describeApprovalContract(open);
    describeFenceContract(open);
  });
}
