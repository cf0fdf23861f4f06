// Talking to the running gateway: its address and the operator's token, from the environment or the file that `up` wrote.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { OperatorError } from "../core/operator-error.ts";
import { findOperatorFile, readOperatorFile } from "../identity/operator-token.ts";
import { Finding } from "./finding.ts";
import { followEvents, type ServerEvent } from "./server-events.ts";

/** A member of an answer, whatever it holds. */
export type Row = Readonly<Record<string, unknown>>;

export interface AdminClient {
  /** Of the gateway. */
  readonly url: string;
  get(path: string, query?: Query): Promise<Row>;
  send(method: "POST" | "PUT" | "DELETE", path: string, body?: Row): Promise<Row>;
  /** Server-sent events until the signal, or the gateway, ends them. Comes back after what it heard when it is cut off. */
  events(signal: AbortSignal): AsyncIterable<ServerEvent>;
  /** The items of the answers' member, page after page, until there are no more or `enough` says so. */
  pages(path: string, member: string, query?: Query, enough?: Enough): Promise<readonly Row[]>;
}

type Query = Readonly<Record<string, string | undefined>>;
type Enough = (items: readonly Row[]) => boolean;

/**
 * `dir` is the folder that the command was given. Throws `OperatorError` when no gateway is found, and its methods when it
 * does not answer, fails, or does not know the token; `Finding` when it refuses.
 */
export function adminClient(dir: string | undefined): AdminClient {
  const place = locateGateway(dir);
  const call = (method: string, path: string, body?: Row): Promise<Row> => request(place, method, path, body);
  const get: AdminClient["get"] = (path, query = {}) => call("GET", `${path}${queryText(query)}`);
  return {
    url: place.url.replace(/\/+$/, ""),
    get,
    send: call,
    events: (signal) => followEvents((after) => openEvents(place, after, signal), signal),
    pages: async (path, member, query = {}, enough = () => false) => {
      const items: Row[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await get(path, { ...query, cursor });
        items.push(...rowsOf(page[member]));
        if (typeof page["next"] !== "string" || enough(items)) return items;
        cursor = page["next"];
      }
    },
  };
}

interface GatewayPlace {
  readonly url: string;
  readonly token: string;
  /** Where the two come from, for messages. */
  readonly source: string;
}

function locateGateway(dir: string | undefined): GatewayPlace {
  const { PORTCULLIS_URL: url, PORTCULLIS_TOKEN: token } = process.env;
  if (url !== undefined && token !== undefined) {
    if (!URL.canParse(url)) throw new OperatorError(`PORTCULLIS_URL is no URL: \`${url}\``);
    return { url, token, source: "PORTCULLIS_URL and PORTCULLIS_TOKEN" };
  }
  if (url !== undefined || token !== undefined) {
    // Half of it would talk to another gateway than the one that was meant.
    const [set, missing] = url === undefined ? ["TOKEN", "URL"] : ["URL", "TOKEN"];
    throw new OperatorError(
      `PORTCULLIS_${set} is set and PORTCULLIS_${missing} is not; set both, or neither to use the gateway of a folder`,
    );
  }
  const inDir = dir === undefined ? undefined : operatorFilesIn(dir).find((path) => existsSync(path));
  const path = inDir ?? findOperatorFile(".");
  if (path === null) {
    throw new OperatorError(
      `no gateway was found in ${dir === undefined ? "the current folder" : `\`${dir}\`, the current folder`} or above it; start one with \`portcullis up\`, name its folder with --dir, or set PORTCULLIS_URL and PORTCULLIS_TOKEN`,
    );
  }
  if (dir !== undefined && inDir === undefined) {
    console.error(`portcullis: there is no gateway in \`${dir}\`; this is the one of \`${path}\``);
  }
  return { ...readOperator(path), source: `\`${path}\`` };
}

/** `dir` is a gateway's folder, or its data folder. */
function operatorFilesIn(dir: string): readonly string[] {
  return [join(dir, "data", "operator.json"), join(dir, "operator.json")];
}

function readOperator(path: string): { readonly url: string; readonly token: string } {
  try {
    return readOperatorFile(path);
  } catch (fault) {
    if (fault instanceof OperatorError) throw fault;
    throw new OperatorError(`\`${path}\` cannot be read; run this as the user who runs the gateway`);
  }
}

/** For what a gateway does within moments; nobody waits for more. */
const timeoutMs = 120_000;

function addressOf({ url }: GatewayPlace, path: string): string {
  return `${url.replace(/\/+$/, "")}/api${path}`;
}

async function request(place: GatewayPlace, method: string, path: string, body?: Row): Promise<Row> {
  const address = addressOf(place, path);
  let status: number;
  let text: string;
  try {
    const response = await fetch(address, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        authorization: `Bearer ${place.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    status = response.status;
    text = await response.text();
  } catch {
    throw noAnswer(place);
  }
  return answerOf(place, status, parsed(text));
}

async function openEvents(place: GatewayPlace, after: string | null, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(addressOf(place, "/events"), {
      signal,
      headers: {
        authorization: `Bearer ${place.token}`,
        ...(after === null ? {} : { "last-event-id": after }),
      },
    });
  } catch (fault) {
    if (signal.aborted) throw fault;
    throw noAnswer(place);
  }
  if (response.status !== 200) answerOf(place, response.status, parsed(await response.text()));
  return response;
}

function noAnswer({ url }: GatewayPlace): OperatorError {
  return new OperatorError(`no gateway answers at \`${url}\`; start it with \`portcullis up\``);
}

function answerOf(place: GatewayPlace, status: number, answer: Row | null): Row {
  if (status >= 200 && status < 300 && answer !== null) return answer;
  const message = answer === null ? null : messageOf(answer);
  if (message === null) throw new OperatorError(`what answers at \`${place.url}\` is no gateway (${status})`);
  if (status === 401) {
    throw new OperatorError(`the gateway does not know the token of ${place.source}, or it has ended`);
  }
  throw status >= 500 ? new OperatorError(message) : new Finding(message);
}

function parsed(text: string): Row | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRow(value) ? value : null;
  } catch {
    return null;
  }
}

function messageOf({ error }: Row): string | null {
  return isRow(error) && typeof error["message"] === "string" ? error["message"] : null;
}

export function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function rowsOf(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value.filter(isRow) : [];
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  return parameters.size === 0 ? "" : `?${parameters}`;
}
