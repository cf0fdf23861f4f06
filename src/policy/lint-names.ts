// Cedar takes any name for an entity: a forbid for a group with a typing error would load and never apply.

import type { Finding } from "./finding.ts";
import type { EntityName, ParsedPolicy } from "./parsed-policy.ts";
import type { PolicyWorld } from "./world.ts";

export function nameFindings(policy: ParsedPolicy, world: PolicyWorld): readonly Finding[] {
  return policy.entities.flatMap((entity) => findingFor(entity, world) ?? []);
}

function findingFor({ type, id }: EntityName, world: PolicyWorld): Finding | null {
  switch (type) {
    case "Portcullis::Application":
      return unknown(
        "application",
        id,
        world.applications.map(({ name }) => name),
      );
    case "Portcullis::Group": {
      const joined = world.applications.flatMap((application) => application.groups);
      return unknown("group", id, [...new Set([...world.groups, ...joined])]);
    }
    case "Portcullis::Provider":
      return unknownProvider(id, world);
    case "Portcullis::Connector":
      return unknown("connector", id, []);
    case "Portcullis::Model":
      return unknownModel(id, world);
    default:
      // A tool may be one that the catalog does not know; all other types are checked by the validator.
      return null;
  }
}

function unknown(kind: string, id: string, names: readonly string[]): Finding | null {
  if (names.includes(id)) return null;
  const shown = names.slice(0, 8).map((name) => `\`${name}\``);
  if (names.length > shown.length) shown.push("…");
  return {
    message: `no ${kind} \`${id}\` is configured`,
    help: names.length === 0 ? `the config has no ${kind}s` : `configured: ${shown.join(", ")}`,
    near: `"${id}"`,
  };
}

function unknownProvider(id: string, { providers }: PolicyWorld): Finding | null {
  return providers === undefined ? null : unknown("provider", id, providers);
}

function unknownModel(id: string, world: PolicyWorld): Finding | null {
  const slash = id.indexOf("/");
  if (slash > 0 && slash < id.length - 1) return unknownProvider(id.slice(0, slash), world);
  return {
    message: `\`${id}\` is not the id of a model`,
    help: "policy decides on PROVIDER/MODEL; what the client wrote is `context.requested_model`",
    near: `"${id}"`,
  };
}
