// What Cedar's validator lets pass and the gate does not: ways in which more sign-offs could come to mean less, arithmetic
// that can overflow, and annotations that look as if they did something.

import { contextAttribute, isRecord, type ParsedPolicy, visitExpressions } from "./parsed-policy.ts";
import { callerLongs } from "./schema.ts";

const knownAnnotations: ReadonlySet<string> = new Set(["id", "reason", "approval"]);
const maxReason = 300;
const maxId = 128;

/** Messages about one policy; none when it may be used. */
export function lintPolicy(policy: ParsedPolicy, signOffs: readonly string[]): readonly string[] {
  return [
    ...lintAnnotations(policy, signOffs),
    ...lintSignOffs(policy, signOffs),
    ...lintContextAndArithmetic(policy),
  ];
}

function lintAnnotations(policy: ParsedPolicy, signOffs: readonly string[]): readonly string[] {
  const messages: string[] = [];
  const annotations = policy.json.annotations ?? {};
  for (const name of Object.keys(annotations)) {
    if (!knownAnnotations.has(name))
      messages.push(`the annotation \`@${name}\` is not known; use @id, @reason and @approval`);
  }
  if (policy.id.length > maxId || !/^[\x21-\x7e]+$/.test(policy.id)) {
    messages.push(`\`@id\` must be 1 to ${maxId} printable ASCII characters without spaces`);
  }
  if (policy.reason.length > maxReason) messages.push(`\`@reason\` must be at most ${maxReason} characters`);
  const approval = annotations["approval"];
  if (approval === undefined) return messages;
  if (policy.json.effect !== "forbid")
    messages.push("`@approval` belongs on a forbid that its `unless` lifts");
  if (!signOffs.includes(approval))
    messages.push(`\`@approval\` names \`${approval}\`, which is not in \`sign_offs\``);
  const lifts = policy.json.conditions.some(
    (condition) => condition.kind === "unless" && mentions(condition.body, approval),
  );
  if (policy.json.effect === "forbid" && !lifts) {
    messages.push(
      `\`@approval("${approval}")\` needs \`unless { context.approvals.contains("${approval}") }\``,
    );
  }
  return messages;
}

/**
 * INVARIANT: a decision can only become more permissive with more sign-offs. So `approvals` and `signed_off` stand only
 * where being true helps: joined by && and || (never negated) in a permit's `when` or a forbid's `unless`.
 */
function lintSignOffs(policy: ParsedPolicy, signOffs: readonly string[]): readonly string[] {
  const messages: string[] = [];
  const helps = policy.json.effect === "permit" ? "when" : "unless";
  for (const condition of policy.json.conditions) {
    const allowed = new Set<unknown>();
    if (condition.kind === helps) collectPositive(condition.body, signOffs, allowed, messages);
    visitExpressions({ ...policy.json, conditions: [condition] }, (operator, body) => {
      const attribute = contextAttribute(operator, body);
      if ((attribute === "approvals" || attribute === "signed_off") && !allowed.has(body)) {
        messages.push(
          `\`context.${attribute}\` may be used only positively, as \`context.approvals.contains("NAME")\`, in a permit's \`when\` or a forbid's \`unless\``,
        );
      }
    });
  }
  return messages;
}

function collectPositive(
  expression: unknown,
  signOffs: readonly string[],
  allowed: Set<unknown>,
  messages: string[],
): void {
  if (!isRecord(expression)) return;
  for (const operator of ["&&", "||"]) {
    const joined = expression[operator];
    if (!isRecord(joined)) continue;
    collectPositive(joined["left"], signOffs, allowed, messages);
    collectPositive(joined["right"], signOffs, allowed, messages);
  }
  const read = expression["."];
  if (contextAttribute(".", read) === "signed_off") allowed.add(read);
  const contains = expression["contains"];
  if (!isRecord(contains) || !isRecord(contains["left"]) || !isRecord(contains["right"])) return;
  const name = contains["right"]["Value"];
  if (contextAttribute(".", contains["left"]["."]) !== "approvals" || typeof name !== "string") return;
  allowed.add(contains["left"]["."]);
  if (!signOffs.includes(name)) messages.push(`the sign-off \`${name}\` is not in \`sign_offs\``);
}

function mentions(body: unknown, approval: string): boolean {
  const text = JSON.stringify(body);
  return (
    text.includes('"attr":"signed_off"') || text.includes(`"right":{"Value":${JSON.stringify(approval)}}`)
  );
}

function lintContextAndArithmetic(policy: ParsedPolicy): readonly string[] {
  const messages: string[] = [];
  let named = 0;
  let read = 0;
  visitExpressions(policy.json, (operator, body) => {
    if (operator === "Var" && body === "context") named += 1;
    if (contextAttribute(operator, body) !== null) read += 1;
    if (
      (operator === "+" || operator === "-" || operator === "*" || operator === "neg") &&
      readsCallerLong(body)
    ) {
      messages.push(
        "arithmetic on a number that the caller sends can overflow, which denies; compare it as it is",
      );
    }
  });
  if (named !== read) messages.push("`context` may be used only by its attributes, never whole");
  return messages;
}

function readsCallerLong(body: unknown): boolean {
  const text = JSON.stringify(body);
  return [...callerLongs].some((name) => text.includes(`"attr":"${name}"`));
}
