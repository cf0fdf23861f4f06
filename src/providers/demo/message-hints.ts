// What a message offers that could be an argument: addresses, numbers, quoted text, a subject.

const maxTextLength = 200;
/** Text beyond this is not searched: some patterns below take more than linear time on hostile text. */
const maxSearched = 2000;

const patterns = {
  email: /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g,
  url: /https?:\/\/[^\s"'<>]{1,500}/,
  date: /\b\d{4}-\d{2}-\d{2}\b/,
  path: /(?:^|\s)((?:~|\.{1,2})?\/[^\s"'<>]{1,200})/,
  quoted: /(?:^|[\s(:])["“'‘]([^"”'’]{1,200})["”'’](?!\w)/,
  subject:
    /\b(?:about|regarding|re:|titled|subject:?)\s+(?:the\s+)?([^.,;:"“\n]{1,80}?)(?=\s+(?:to|saying|that|with)\b|[.,;:"“\n]|$)/i,
  place: /\b(?:in|for|at|near)\s+(\p{Lu}[\p{L}-]{1,40}(?:\s\p{Lu}[\p{L}-]{1,40}){0,2})/u,
  number: /(?<![\w.:/-])-?\d{1,12}(?:\.\d{1,6})?(?![\w:/-])/,
} as const;

type Meaning = keyof typeof patterns | "time" | "datetime" | "uuid" | "currency" | "text";

/** What a schema's member is about, by its `format` or its name. */
const meanings: readonly (readonly [Meaning, RegExp])[] = [
  ["email", /^email$|^(?:to|cc|bcc)$|e_?mail|recipient/],
  ["datetime", /^date-time$/],
  ["date", /(?:^|_)(?:date|day)$/],
  ["time", /^time$/],
  ["uuid", /^uuid$/],
  ["url", /(?:^|_)(?:url|uri|link)$/],
  ["subject", /subject|title|topic/],
  ["place", /city|location|place|country/],
  ["path", /path|file/],
  ["currency", /currency/],
];

const fallbacks: Readonly<Record<Meaning, string>> = {
  email: "ana@example.com",
  datetime: "2030-01-01T09:00:00Z",
  date: "2030-01-01",
  time: "09:00:00Z",
  uuid: "00000000-0000-4000-8000-000000000000",
  url: "https://example.com/",
  subject: "A message from the demo model",
  place: "Berlin",
  path: "/tmp/demo.txt",
  currency: "EUR",
  quoted: "demo",
  number: "1",
  text: "demo",
};

export class MessageHints {
  readonly #text: string;
  readonly #recipient: string | null;
  readonly emails: readonly string[];

  /** `recipient` is the address that this call is for, where a message names several. */
  constructor(text: string, recipient: string | null = null) {
    this.#text = text.slice(0, maxSearched).toWellFormed();
    this.#recipient = recipient;
    this.emails = [...new Set(this.#text.match(patterns.email) ?? [])];
  }

  get number(): number | null {
    const written = this.#found("number");
    return written === null ? null : Number(written);
  }

  mentions(words: string): boolean {
    return words !== "" && ` ${plainWords(this.#text)} `.includes(` ${plainWords(words)} `);
  }

  /** Text for the member `name` of a schema, with its `format` where it has one. */
  textFor(name: string, format: string | null): string {
    const words = (format ?? name).replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
    const [meaning] = meanings.find(([, pattern]) => pattern.test(words)) ?? ["text" as const];
    switch (meaning) {
      case "email":
        return this.#recipient ?? this.emails[0] ?? fallbacks.email;
      case "date":
      case "url":
      case "subject":
      case "place":
      case "path":
        return this.#found(meaning) ?? fallbacks[meaning];
      case "text":
        return this.#found("quoted") ?? (this.#short() || fallbacks.text);
      default:
        return fallbacks[meaning];
    }
  }

  #found(what: Exclude<keyof typeof patterns, "email">): string | null {
    const match = patterns[what].exec(this.#text);
    return match === null ? null : (match[1] ?? match[0]).trim();
  }

  #short(): string {
    return this.#text.trim().slice(0, maxTextLength).toWellFormed();
  }
}

function plainWords(text: string): string {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .join(" ")
    .trim();
}
