// Writes docs/errors.md from the table of refusals: `node test/errors-page.ts`. A test holds the page to it.

import { writeFileSync } from "node:fs";
import { refusalClasses } from "../src/http/refusal-classes.ts";

export const errorsPage = new URL("../docs/errors.md", import.meta.url);

export function renderErrorsPage(): string {
  const rows = Object.entries(refusalClasses).map(
    ([code, { status, type, retriable, advice }]) =>
      `| \`${code}\` | ${status} | \`${type}\` | ${retriable ? "yes" : "no"} | ${advice} |`,
  );
  return [
    "# Errors",
    "",
    "Every refusal of the gateway itself, in OpenAI's error shape with a `portcullis` object beside it (call, advice, policies,",
    "sign-offs, tools). A provider's own errors are passed on as they came. Made from `src/http/refusal-classes.ts` by",
    "`node test/errors-page.ts`.",
    "",
    "| code | status | type | try again as it is | what to do |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

if (import.meta.main) writeFileSync(errorsPage, renderErrorsPage());
