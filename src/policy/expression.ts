// Conditions of policies in one plain shape that can be walked without knowing every operator of Cedar's JSON format
// (https://docs.cedarpolicy.com/policies/json-format.html).

export interface Expression {
  /** The JSON key: an operator, `Value`, `Var`, or the name of an extension function. */
  readonly op: string;
  /** Operands from left to right; of `if-then-else` the condition first. */
  readonly parts: readonly Expression[];
  /** The variable of `Var`, the attribute of `.`, the attributes of `has`. */
  readonly names: readonly string[];
  /** Of `Value`. */
  readonly value: unknown;
}

/** Throws on what is not Cedar's format: a new kind of expression must not slip past the checks. */
export function parseExpression(json: unknown): Expression {
  const members = typeof json === "object" && json !== null ? Object.entries(json) : [];
  const [member] = members;
  if (member === undefined || members.length !== 1) throw new TypeError("not a Cedar expression");
  const op = member[0];
  const body: unknown = member[1];
  switch (op) {
    case "Value":
      return { op, parts: [], names: [], value: body };
    case "Var":
      return node(op, [], [text(body)]);
    case ".":
      return node(op, operands(body, "left"), [text(field(body, "attr"))]);
    case "has":
      return node(op, operands(body, "left"), list(field(body, "attr")).map(text));
    case "like":
      return node(op, operands(body, "left"));
    case "is":
      return node(
        op,
        field(body, "in") === undefined ? operands(body, "left") : operands(body, "left", "in"),
      );
    case "!":
    case "neg":
    case "isEmpty":
      return node(op, operands(body, "arg"));
    case "if-then-else":
      return node(op, operands(body, "if", "then", "else"));
    case "Record":
      return node(op, Object.values(Object(body)).map(parseExpression));
    default:
      // Sets and extension functions have a list, all other operators two sides.
      return node(op, Array.isArray(body) ? body.map(parseExpression) : operands(body, "left", "right"));
  }
}

/** The expression and everything in it. */
export function* expressionsIn(expression: Expression): Generator<Expression> {
  yield expression;
  for (const part of expression.parts) yield* expressionsIn(part);
}

export function isContext(expression: Expression | undefined): boolean {
  return expression?.op === "Var" && expression.names[0] === "context";
}

/** The attribute of `context` that the expression reads or asks for, or null. */
export function contextAttribute(expression: Expression): string | null {
  if (expression.op !== "." && expression.op !== "has") return null;
  return isContext(expression.parts[0]) ? (expression.names[0] ?? null) : null;
}

/** The attributes that lead from `context` to here, none for `context` itself; null for anything else. */
export function contextPath(expression: Expression): readonly string[] | null {
  if (isContext(expression)) return [];
  const [record] = expression.parts;
  if (expression.op !== "." || record === undefined) return null;
  const path = contextPath(record);
  return path === null ? null : [...path, ...expression.names];
}

function node(op: string, parts: readonly Expression[], names: readonly string[] = []): Expression {
  return { op, parts, names, value: undefined };
}

function operands(body: unknown, ...names: readonly string[]): readonly Expression[] {
  return names.map((name) => parseExpression(field(body, name)));
}

function field(body: unknown, name: string): unknown {
  if (typeof body !== "object" || body === null) throw new TypeError("not a Cedar expression");
  return Reflect.get(body, name);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("not a Cedar expression");
  return value;
}
