// What no single key shows: names that lead nowhere, and demands that nobody could meet. Found here it is a line in the
// file; found later it would be a call that is refused and nobody knows why.

import { personName } from "../core/person-name.ts";
import { groupName } from "./approvers.ts";
import type { ConfigFinding } from "./config-finding.ts";
import { exposureFault, isLoopback } from "./listen.ts";
import { nearName } from "./near-name.ts";
import { quoted } from "./printable.ts";
import type { Config } from "./schema.ts";

export function crossCheck(config: Config): readonly ConfigFinding[] {
  return [
    ...checkListen(config),
    ...checkMetrics(config),
    ...checkEgress(config),
    ...checkWitnesses(config),
    ...checkAliases(config),
    ...checkPrices(config),
    ...checkGroups(config),
    ...checkSignOffs(config),
    ...checkTwice(config.models, "models", "alias"),
    ...checkTwice(config.applications, "applications", "application"),
  ];
}

function checkListen({ server }: Config): readonly ConfigFinding[] {
  const message = exposureFault(server.listen, server);
  return message === null ? [] : [{ path: ["server", "listen"], message }];
}

function checkMetrics({ metrics }: Config): readonly ConfigFinding[] {
  if (metrics === undefined || metrics.token !== undefined || isLoopback(metrics.listen)) return [];
  const message =
    "beyond loopback a token is needed; add `token: secret://…` and put it in with `portcullis secrets set`";
  return [{ path: ["metrics", "listen"], message }];
}

function checkEgress({ egress }: Config): readonly ConfigFinding[] {
  if (egress.proxy !== undefined) return [];
  const idle = (["proxy_credentials", "no_proxy"] as const).filter((key) => (egress[key] ?? []).length > 0);
  return idle.map((key) => ({
    path: ["egress", key],
    message: "this says how to use `egress.proxy`, which is not set",
  }));
}

function checkWitnesses({ audit }: Config): readonly ConfigFinding[] {
  const { witnesses, witness_policy: policy } = audit;
  const name = (vkey: string): string => vkey.split("+")[0] ?? "";
  const twice = witnesses.flatMap(({ vkey }, at): readonly ConfigFinding[] => {
    if (witnesses.findIndex((other) => name(other.vkey) === name(vkey)) === at) return [];
    const message = "the witness stands twice, by the name of its key; take one away";
    return [{ path: ["audit", "witnesses", at, "vkey"], message }];
  });
  if (typeof policy !== "number" || policy <= witnesses.length) return twice;
  const message = `${policy} have to cosign and \`audit.witnesses\` has ${witnesses.length}; add witnesses or lower it`;
  return [...twice, { path: ["audit", "witness_policy"], message }];
}

function checkAliases(config: Config): readonly ConfigFinding[] {
  return config.models.flatMap(({ targets }, alias) =>
    targets.flatMap((target, at): readonly ConfigFinding[] => {
      const message = targetFault(target, config);
      return message === null ? [] : [{ path: ["models", alias, "targets", at], message }];
    }),
  );
}

function targetFault(target: string, config: Config): string | null {
  const slash = target.indexOf("/");
  const name = target.slice(0, slash);
  const provider = named(config.providers, name);
  if (provider === undefined) return unknownProvider(name, config);
  const models = provider.type === "openai" ? provider.models : undefined;
  if (models === undefined || models.includes(target.slice(slash + 1))) return null;
  return `\`providers.${name}.models\` does not list this model; add it there or take the target away`;
}

function checkPrices(config: Config): readonly ConfigFinding[] {
  return Object.keys(config.prices).flatMap((key): readonly ConfigFinding[] => {
    const slash = key.indexOf("/");
    const path = ["prices", key];
    if (slash < 1 || slash === key.length - 1)
      return [{ path, message: "write the price under PROVIDER/MODEL" }];
    const name = key.slice(0, slash);
    return named(config.providers, name) === undefined
      ? [{ path, message: unknownProvider(name, config) }]
      : [];
  });
}

function unknownProvider(name: string, { providers }: Config): string {
  const meant = nearName(name, Object.keys(providers));
  const help = meant === null ? "add it under `providers`" : `did you mean ${quoted(meant)}?`;
  return `no provider ${quoted(name)} is configured; ${help}`;
}

function checkGroups({ groups }: Config): readonly ConfigFinding[] {
  return Object.entries(groups).flatMap(([name, members]) =>
    members.flatMap((member, at): readonly ConfigFinding[] =>
      groupName(member) === null
        ? []
        : [{ path: ["groups", name, at], message: "a group lists people; groups in groups do not exist" }],
    ),
  );
}

function checkSignOffs({ sign_offs, groups }: Config): readonly ConfigFinding[] {
  return Object.entries(sign_offs).flatMap(([name, { approvers, quorum }]): readonly ConfigFinding[] => {
    const unknown = approvers.flatMap((approver, at): readonly ConfigFinding[] => {
      const message = approverFault(approver, groups);
      return message === null ? [] : [{ path: ["sign_offs", name, "approvers", at], message }];
    });
    if (unknown.length > 0) return unknown;
    const members = approvers.flatMap((one) => named(groups, groupName(one) ?? "") ?? [one]);
    const people = new Set(members.filter((one) => groupName(one) === null).map(personName));
    if (people.size >= quorum) return [];
    const message = `${quorum} must agree and only ${people.size} may; add approvers or lower \`quorum\``;
    return [{ path: ["sign_offs", name, "quorum"], message }];
  });
}

function approverFault(approver: string, groups: Config["groups"]): string | null {
  const group = groupName(approver);
  const names = Object.keys(groups);
  if (group === null) {
    return names.includes(approver) ? `this is a group; write \`group:${approver}\`` : null;
  }
  if (names.includes(group)) return null;
  const meant = nearName(group, names);
  const help = meant === null ? "add it under `groups`" : `did you mean \`group:${meant}\`?`;
  return `no group ${quoted(group)} is configured; ${help}`;
}

function checkTwice(
  list: readonly { readonly name: string }[],
  key: string,
  kind: string,
): readonly ConfigFinding[] {
  return list.flatMap(({ name }, at): readonly ConfigFinding[] => {
    if (list.findIndex((other) => other.name === name) === at) return [];
    return [{ path: [key, at, "name"], message: `the ${kind} ${quoted(name)} stands twice; rename one` }];
  });
}

/** Own entries only: every object has a `constructor`. */
function named<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
