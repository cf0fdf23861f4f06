import { describeStorageContract } from "../contract.ts";
import { openForContract } from "./test-data.test-support.ts";

describeStorageContract("SQLite", openForContract);
