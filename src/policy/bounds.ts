// How deep a policy may be. Cedar's WASM build runs out of stack on deep expressions and is unusable from then on, for
// the policies in force too, so that such a text must never reach it. Measured for 4.13: brackets fail between 100 and
// 150 deep, operators between 300 and 400 in a row.

import { type PolicyProblem, problemAt } from "./problem.ts";
import { splitPolicies } from "./split-policies.ts";

const deepestBrackets = 24;
const mostOperators = 128;
const longestPath = 64;

const mostCalls = 128;

const operator = /&&|\|\||[-+*!]|\b(?:if|when|unless)\b/g;
const path = /(?:\s*\.\s*[A-Za-z_]\w*|\s*::\s*[A-Za-z_]\w*)+/g;
// A method call, or an index after something that has one.
const call = /\.\s*\w+\s*\(|[\w)\]]\s*\[/g;
const help = "write several policies, or list values in a set: `[1, 2, 3].contains(…)`";

/** Looks at any text, whether it is Cedar or not. */
export function boundsProblems(file: string, text: string): readonly PolicyProblem[] {
  // What stands behind the last `;` would be parsed too.
  return splitPolicies(`${text}\n;`).flatMap(({ code, start }) => {
    const at = (index: number, message: string): readonly PolicyProblem[] => {
      return [problemAt(file, text, start + Buffer.byteLength(code.slice(0, index)), message, help)];
    };
    const deep = tooDeep(code);
    if (deep !== null) return at(deep, `brackets more than ${deepestBrackets} deep`);
    const one = [...code.matchAll(operator)].at(mostOperators);
    if (one !== undefined)
      return at(one.index, `more than ${mostOperators} operators and conditions in one policy`);
    const another = [...code.matchAll(call)].at(mostCalls);
    if (another !== undefined) return at(another.index, `more than ${mostCalls} method calls in one policy`);
    const long = [...code.matchAll(path)].find(([names]) => names.split(/\.|::/).length - 1 > longestPath);
    return long === undefined ? [] : at(long.index, `more than ${longestPath} names in a row`);
  });
}

function tooDeep(code: string): number | null {
  let depth = 0;
  for (const { 0: bracket, index } of code.matchAll(/[([{}\])]/g)) {
    depth += "([{".includes(bracket) ? 1 : -1;
    if (depth > deepestBrackets) return index;
  }
  return null;
}
