// What outsiders read of the log, from the parts that have it.

import type { LogStore } from "../audit/log-store.ts";
import { tileBytes } from "../audit/stored-tree.ts";
import type { Trail } from "../audit/trail.ts";
import type { Config } from "../config/schema.ts";
import type { LogServices } from "../http/log-routes.ts";
import { authentication, type OperatorServiceParts } from "./operator-services.ts";

export interface LogParts {
  readonly trail: Pick<Trail, "vkey" | "published">;
  readonly log: LogStore;
  readonly operators: OperatorServiceParts;
  readonly config: () => Config;
  readonly onFault: LogServices["onFault"];
}

export function logServices({ trail, log, operators, config, onFault }: LogParts): LogServices {
  return {
    vkey: trail.vkey,
    checkpoint: () => trail.published,
    tile: (place) => tileBytes(log, place),
    isPublic: () => config().audit.public_log,
    authenticate: authentication(operators),
    onFault,
  };
}
