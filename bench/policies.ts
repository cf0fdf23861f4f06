// A policy set of the size that the benchmark promises, of the kinds that teams write: by application, by provider and
// model, on labels, limits and tools.

export const policyCount = 50;

export function benchPolicies(): string {
  const policies = [
    `@id("bench-permit") permit (principal, action in [Portcullis::Action::"chat", Portcullis::Action::"embed"], resource);`,
    `@id("bench-tools") permit (principal, action in Portcullis::Action::"call_tool", resource);`,
  ];
  for (let at = 0; policies.length < policyCount; at += 1)
    policies.push(kinds[at % kinds.length]?.(at) ?? "");
  return policies.join("\n");
}

const kinds: readonly ((at: number) => string)[] = [
  (at) => forbid(at, `action, resource == Portcullis::Model::"bench/retired-${at}"`, ""),
  (at) =>
    forbid(
      at,
      `action == Portcullis::Action::"chat", resource in Portcullis::Provider::"bench"`,
      `when { context.labels.contains("secret.kind_${at}") }`,
    ),
  (at) =>
    forbid(
      at,
      `action == Portcullis::Action::"chat", resource`,
      `when { context has output_limit && context.output_limit > ${100_000 + at} }`,
    ),
  (at) =>
    forbid(
      at,
      `action == Portcullis::Action::"chat", resource`,
      `when { context.tools.contains("tool_${at}") && principal != Portcullis::Application::"assistant" }`,
    ),
  (at) =>
    forbid(
      at,
      `action == Portcullis::Action::"embed", resource`,
      `when { context.labels.contains("pii.kind_${at}") }`,
    ),
  (at) =>
    forbid(
      at,
      `action == Portcullis::Action::"chat", resource`,
      `when { context.has_images && resource == Portcullis::Model::"bench/text-${at}" }`,
    ),
];

function forbid(at: number, scope: string, condition: string): string {
  return `@id("bench-${at}") @reason("bench ${at}") forbid (principal, ${scope}) ${condition};`;
}
