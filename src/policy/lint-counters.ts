// Counters are compared with numbers and used in no other way: see counter-uses.ts.

import { counterFact } from "./counter-facts.ts";
import { type CounterMention, counterMentions } from "./counter-uses.ts";
import type { Finding } from "./finding.ts";
import type { ParsedPolicy } from "./parsed-policy.ts";

export function counterFindings(policy: ParsedPolicy): readonly Finding[] {
  const mentions = policy.conditions.flatMap(({ body }) => [...counterMentions(body)]);
  return mentions.flatMap((mention) => findingOf(mention, mentions) ?? []);
}

function findingOf(mention: CounterMention, all: readonly CounterMention[]): Finding | null {
  switch (mention.kind) {
    case "compared":
      return null;
    case "asked":
      return askedFinding(mention.steps, all);
    case "misused":
      return misusedFinding(mention.steps);
  }
}

function askedFinding(
  [root = "", ...steps]: readonly string[],
  all: readonly CounterMention[],
): Finding | null {
  if (steps.join() !== "user") {
    return {
      message: `\`context.${[root, ...steps].join(".")}\` is there for every call of a model, and for nothing else`,
      help: "leave the question out, and name the actions `chat` and `embed` in the policy's scope",
      near: root,
    };
  }
  const read = all.some(
    (one) => one.kind === "compared" && one.fact.measure === root && one.fact.of.kind === "user",
  );
  if (read) return null;
  return {
    message: `no counter of \`context.${root}.user\` is read here`,
    help: "ask for the user itself: `context has user`",
    near: root,
  };
}

function misusedFinding(steps: readonly string[]): Finding {
  const name = `context.${steps.join(".")}`;
  const near = steps[0] ?? "";
  if (counterFact(steps) === null) {
    return {
      message: `\`${name}\` is not one counter`,
      help: `name the window, for example \`context.${near}.minute\` or \`context.${near}.user.month\``,
      near,
    };
  }
  return {
    message: `\`${name}\` is not compared with a number`,
    help: "write the number itself beside it: a limit that moves cannot be kept when many calls come at once",
    near,
  };
}
