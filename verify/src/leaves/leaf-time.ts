// The time of a leaf as a number. Date.parse says the same and takes ten times as long, which shows where millions are read.

const dateLength = "2026-11-23".length;

let date = "";
let midnight = Number.NaN;

/** Milliseconds since the epoch of `2026-11-23T00:00:00.000Z`: RFC 3339 in UTC with milliseconds, as the schema has it. */
export function leafTime(time: string): number {
  // Entries that follow each other are of the same day.
  if (!time.startsWith(date) || date === "") {
    date = time.slice(0, dateLength);
    midnight = Date.parse(date);
  }
  const seconds = (digits(time, 11, 13) * 60 + digits(time, 14, 16)) * 60 + digits(time, 17, 19);
  return midnight + seconds * 1_000 + digits(time, 20, 23);
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) value = value * 10 + text.charCodeAt(at) - 0x30;
  return value;
}
