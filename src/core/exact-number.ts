// Whether a JSON number means the same to everybody: a reader with doubles and one with big decimals (RFC 7493 §2.2).

/**
 * `written` is a JSON number. True when a double holds it so that writing the double again gives the same decimal value,
 * and, for a whole number, when it is within ±(2^53-1).
 */
export function isExactNumber(written: string): boolean {
  const value = Number(written);
  if (!Number.isFinite(value)) return false;
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return false;
  return normalForm(written) === normalForm(String(value));
}

/** Sign, digits without zeros at either end, and the power of ten of the last digit. */
function normalForm(written: string): string {
  const negative = written.startsWith("-");
  const [mantissa = "", exponent = "0"] = written
    .slice(negative ? 1 : 0)
    .toLowerCase()
    .split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = whole + fraction;
  let first = 0;
  while (digits[first] === "0") first += 1;
  if (first === digits.length) return "0";
  let last = digits.length;
  while (digits[last - 1] === "0") last -= 1;
  const power = Number(exponent) - fraction.length + (digits.length - last);
  return `${negative ? "-" : ""}${digits.slice(first, last)}e${power}`;
}
