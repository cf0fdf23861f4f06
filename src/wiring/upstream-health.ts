// The health of upstreams, with what an operator is told of it.

import type { Logger } from "pino";
import { UpstreamHealth } from "../providers/upstream-health.ts";

export function upstreamHealth(log: Pick<Logger, "warn" | "info">): UpstreamHealth {
  return new UpstreamHealth({
    now: () => performance.now(),
    random: Math.random,
    onCircuit: (target, state) => {
      if (state === "open") log.warn(target, "a model failed too often; it is not asked for a while");
      else if (state === "half_open") log.info(target, "a model that failed is tried again");
      else log.info(target, "a model that failed answers again");
    },
  });
}
