// Annotations are read by people and by the gateway, never by Cedar, so that Cedar does not notice a wrong one.

import type { Finding } from "./finding.ts";
import { reservedPrefix } from "./floor.ts";
import { approvalTests } from "./lint-sign-offs.ts";
import { modeAnnotation, type ParsedPolicy, shadowMode } from "./parsed-policy.ts";
import type { PolicyWorld } from "./world.ts";

const known = ["id", "reason", "approval", modeAnnotation];
const longestReason = 300;
// Ids stand in headers, logs and the trail.
const idForm = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;

export function annotationFindings(policy: ParsedPolicy, world: PolicyWorld): readonly Finding[] {
  return [
    ...unknownAnnotations(policy),
    ...idFindings(policy),
    ...reasonFindings(policy),
    ...modeFindings(policy),
    ...approvalFindings(policy, world),
  ];
}

function unknownAnnotations(policy: ParsedPolicy): readonly Finding[] {
  return [...policy.annotations.keys()].flatMap((name) => {
    if (known.includes(name)) return [];
    const help = `known are ${known.map((one) => `\`@${one}\``).join(", ")}; write anything else as a comment`;
    return [{ message: `unknown annotation \`@${name}\``, help, near: `@${name}` }];
  });
}

// A mistyped mode would leave in force what was meant to be tried out.
function modeFindings({ annotations }: ParsedPolicy): readonly Finding[] {
  if (!annotations.has(modeAnnotation) || annotations.get(modeAnnotation) === shadowMode) return [];
  const message = `\`@mode("${annotations.get(modeAnnotation) ?? ""}")\` is no mode; the policy would be in force`;
  const help = `write \`@mode("${shadowMode}")\` to record what it would do, or take the annotation off to enforce it`;
  return [{ message, help, near: "@mode" }];
}

function idFindings({ annotations, id }: ParsedPolicy): readonly Finding[] {
  if (!annotations.has("id")) {
    const help = 'put `@id("what-it-is-for")` in front of it; decisions and the trail name it so';
    return [{ message: "the policy has no `@id`", help, near: "" }];
  }
  if (id.startsWith(reservedPrefix)) {
    const message = `\`${id}\`: ids that begin with \`${reservedPrefix}\` are the gateway's own`;
    return [{ message, help: "choose another id", near: "@id" }];
  }
  if (idForm.test(id)) return [];
  const help =
    "use 1 to 128 of a-z, A-Z, 0-9, `.`, `_`, `-`, `/`, starting and ending with a letter or digit";
  return [{ message: `\`${id}\` is not a policy id`, help, near: "@id" }];
}

function reasonFindings({ annotations }: ParsedPolicy): readonly Finding[] {
  if (!annotations.has("reason")) return [];
  const reason = annotations.get("reason") ?? "";
  const near = "@reason";
  if (reason.trim() === "") {
    return [
      { message: "the `@reason` is empty", help: "say what the caller should do, or leave it out", near },
    ];
  }
  if (reason.length > longestReason) {
    const message = `the \`@reason\` has ${reason.length} characters; at most ${longestReason} are shown`;
    return [{ message, help: "say it shorter, and put the rest in a comment", near }];
  }
  if (!/\p{Cc}/u.test(reason)) return [];
  return [{ message: "the `@reason` holds a control character", help: "write it on one line", near }];
}

function approvalFindings(policy: ParsedPolicy, world: PolicyWorld): readonly Finding[] {
  if (!policy.annotations.has("approval")) return [];
  const name = policy.annotations.get("approval") ?? "";
  const near = "@approval";
  if (policy.effect === "permit") {
    return [{ message: "`@approval` on a permit", help: "only a forbid can wait for a sign-off", near }];
  }
  if (!world.signOffs.includes(name)) {
    const help = `declared under \`sign_offs:\` are ${world.signOffs.map((one) => `\`${one}\``).join(", ")}`;
    return [{ message: `\`@approval\` names the sign-off \`${name}\`, which is not declared`, help, near }];
  }
  if (approvalTests(policy, "unless").has(name)) return [];
  return [
    {
      message: `\`@approval("${name}")\` needs \`unless { context.approvals.contains("${name}") }\`: nothing else lets it lift this forbid`,
      help: "add it, or take the annotation off",
      near,
    },
  ];
}
