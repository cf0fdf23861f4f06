// Which operators may use a route. Until roles are policies there is one difference: who lets others in, and what opens
// doors, is for whoever has the gateway's own token.

import type { Operator } from "../../identity/operator.ts";
import type { AdminFailure } from "./admin-error.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    readonly ownTokenOnly?: boolean;
  }
}

/** The `config` of a route that people's tokens do not open. */
export const ownTokenOnly = { ownTokenOnly: true } as const;

/** Null when this operator may use a route with that config. */
export function routeBar(
  operator: Operator,
  route: { readonly ownTokenOnly?: boolean },
): AdminFailure | null {
  if (route.ownTokenOnly !== true || operator.method === "bootstrap") return null;
  return {
    code: "forbidden",
    message: `\`${operator.name}\` may not change operators, keys and secrets; only the gateway's own token in \`data/operator.json\` does, so ask whoever runs the gateway`,
  };
}
