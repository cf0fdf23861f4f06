// What the demo model says when it calls no tool. It begins by saying what it is, save where only JSON was asked for.

import { isObject } from "./demo-json.ts";
import type { DemoChatRequest } from "./demo-request.ts";
import { valueFor } from "./demo-values.ts";
import { MessageHints } from "./message-hints.ts";

const label = "This is Portcullis' built-in demo model; no real model was called.";
const maxQuoted = 500;

export function demoReply(request: DemoChatRequest): string {
  const { asked, toolAnswers, format } = request;
  switch (format.kind) {
    case "json_object":
      return JSON.stringify({ demo: label, echo: quoted(asked) });
    case "json_schema": {
      const value = valueFor(format.schema, new MessageHints(asked));
      return JSON.stringify(isObject(value) || Array.isArray(value) ? value : {});
    }
    case "text": {
      if (toolAnswers.length > 0) {
        return `${label} The tool answered: ${toolAnswers.slice(0, 8).map(quoted).join(" / ")}`;
      }
      return asked === "" ? label : `${label} You said: ${quoted(asked)}`;
    }
  }
}

function quoted(text: string): string {
  return text.slice(0, maxQuoted).toWellFormed();
}
