// Talking to the running gateway: its address and the operator's token, from the environment or the file that `up` wrote.

import { OperatorError } from "../core/operator-error.ts";
import { findOperatorFile, readOperatorFile } from "../identity/operator-token.ts";
import { Finding } from "./finding.ts";

export interface AdminClient {
  get(path: string): Promise<unknown>;
  send(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<unknown>;
}

export function adminClient(dir: string): AdminClient {
  const { url, token } = address(dir);
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    let response: Response;
    try {
      response = await fetch(new URL(`/api${path}`, url), {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new OperatorError(`no gateway answers at \`${url}\`; start it with \`portcullis up\``);
    }
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new Finding(messageOf(answer) ?? `the gateway answered ${response.status}`);
  };
  return { get: (path) => call("GET", path), send: call };
}

function address(dir: string): { readonly url: string; readonly token: string } {
  const url = process.env["PORTCULLIS_URL"];
  const token = process.env["PORTCULLIS_TOKEN"];
  if (url !== undefined && token !== undefined) return { url, token };
  const path = findOperatorFile(dir);
  if (path === null) {
    throw new OperatorError(
      "no gateway was found from here; name its folder with --dir, or set PORTCULLIS_URL and PORTCULLIS_TOKEN",
    );
  }
  return readOperatorFile(path);
}

function messageOf(answer: unknown): string | null {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return null;
  const { error } = answer;
  if (typeof error !== "object" || error === null || !("message" in error)) return null;
  return String(error.message);
}

/** Rows of an answer's member, for printing. */
export function rows(answer: unknown, member: string): readonly Readonly<Record<string, unknown>>[] {
  if (typeof answer !== "object" || answer === null) return [];
  const list: unknown = Reflect.get(answer, member);
  return Array.isArray(list) ? list : [];
}

/** Columns padded to their widest cell. */
export function table(
  list: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
): string {
  const cells = [columns, ...list.map((row) => columns.map((column) => String(row[column] ?? "-")))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function print(json: boolean, value: unknown, text: () => string): void {
  console.log(json ? JSON.stringify(value, null, 2) : text());
}
