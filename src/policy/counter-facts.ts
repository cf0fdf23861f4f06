// Facts that count: what an application, its user and groups have used in a window, the call that is decided on included.
// `context.spend.month` is the application's own, `context.spend.user.month` its user's, and
// `context.spend.group["NAME"].month` that of all applications in a group.

import { type CalendarWindow, calendarWindows } from "../core/calendar-window.ts";

/** `rate` counts requests, `spend` millionths of a US dollar, `unpriced` calls whose spend is not known. */
export const counterMeasures = ["rate", "tokens", "spend", "unpriced"] as const;

export type CounterMeasure = (typeof counterMeasures)[number];

export interface CounterFact {
  /** The attributes under `context`, in turn. */
  readonly steps: readonly string[];
  /** The steps with dots between them: its name on the trail. */
  readonly path: string;
  readonly measure: CounterMeasure;
  readonly of:
    | { readonly kind: "application" }
    | { readonly kind: "user" }
    | { readonly kind: "group"; readonly name: string };
  readonly window: CalendarWindow;
}

/** By path. Null for a counter of a user when the call names none. */
export type CounterValues = Readonly<Record<string, number | null>>;

export function isCounterRoot(name: string | undefined): name is CounterMeasure {
  return counterMeasures.some((measure) => measure === name);
}

/** Null for attributes that lead to no single number. */
export function counterFact(steps: readonly string[]): CounterFact | null {
  const [measure, ...rest] = steps;
  const last = rest.at(-1);
  const window = calendarWindows.find((one) => one === last);
  const of = subjectOf(rest.slice(0, -1));
  if (!isCounterRoot(measure) || window === undefined || of === null) return null;
  return { steps, path: steps.join("."), measure, of, window };
}

/** Reads a path. A group's name may hold dots of its own. */
export function counterAt(path: string): CounterFact | null {
  const steps = path.split(".");
  const isGroup = steps[1] === "group" && steps.length > 3;
  return counterFact(
    isGroup ? [...steps.slice(0, 2), steps.slice(2, -1).join("."), ...steps.slice(-1)] : steps,
  );
}

/** What `stated` says of these, by path; what it leaves out is what `otherwise` says, and null for a user that there is none. */
export function countersFrom<Otherwise extends number | undefined>(
  counters: readonly CounterFact[],
  stated: Readonly<Record<string, unknown>>,
  namesUser: boolean,
  otherwise: Otherwise,
): CounterValues {
  const values: Record<string, number | null> = {};
  for (const { path, of } of counters) {
    const value = stated[path] ?? otherwise;
    if (of.kind === "user" && !namesUser) values[path] = null;
    else if (typeof value === "number") values[path] = value;
  }
  return values;
}

function subjectOf([kind, name, ...more]: readonly string[]): CounterFact["of"] | null {
  if (kind === undefined) return { kind: "application" };
  if (kind === "user" && name === undefined) return { kind };
  return kind === "group" && name !== undefined && more.length === 0 ? { kind, name } : null;
}

interface CounterRecord {
  [name: string]: CounterRecord | number;
}

/**
 * The records that Cedar finds under `context`: of these counters and no others, as the schema for evaluating them has it.
 * Throws when one has no value.
 */
export function counterRecords(counters: readonly CounterFact[], values: CounterValues): CounterRecord {
  const context: CounterRecord = {};
  for (const { steps, path, measure } of counters) {
    const value = values[path];
    if (value === undefined) throw new Error(`the counter ${path} was not read`);
    // The measure is there whether the call names a user or not.
    if (value === null) recordIn(context, measure);
    else put(context, steps, value);
  }
  return context;
}

function put(context: CounterRecord, steps: readonly string[], value: number): void {
  let record = context;
  for (const step of steps.slice(0, -1)) record = recordIn(record, step);
  record[steps.at(-1) ?? ""] = value;
}

function recordIn(record: CounterRecord, name: string): CounterRecord {
  const known = record[name];
  if (typeof known === "object") return known;
  const made: CounterRecord = {};
  record[name] = made;
  return made;
}
