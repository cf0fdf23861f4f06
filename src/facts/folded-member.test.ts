import assert from "node:assert/strict";
import { test } from "node:test";
import { content, described, fn, hello, refused, why } from "./request.test-support.ts";

const said = (fields: object) => ({ messages: [{ role: "assistant", content: "", ...fields }] });
const call = (fields: object) => ({
  id: "c",
  type: "function",
  function: { name: "f", arguments: "{}" },
  ...fields,
});

test("a key that servers which ignore case would read in place of a known one is refused at every level", () => {
  for (const [fields, param] of [
    [{ Model: "big" }, "Model"],
    [{ max_tokens: 5, Max_Tokens: 100_000 }, "Max_Tokens"],
    [{ "max_to\u212aens": 5 }, "max_to\u212aens"],
    [{ "\u017ftream": true }, "\u017ftream"],
    [{ STORE: true }, "STORE"],
    [{ N: 5 }, "N"],
    [{ stream_options: { Include_Usage: true } }, "stream_options.Include_Usage"],
    [{ response_format: { Type: "json_object" } }, "response_format.Type"],
    [{ tool_choice: { type: "function", Function: {} } }, "tool_choice.Function"],
    [{ prediction: { Content: "x" } }, "prediction.Content"],
    [{ messages: [...hello, { role: "user", content: "", Content: "x" }] }, "messages.1.Content"],
    [{ messages: [{ Role: "system", role: "user", content: "" }] }, "messages.0.Role"],
    [content({ type: "text", text: "a", Text: "b" }), "messages.0.content.0.Text"],
    [
      content({ type: "text", text: "a" }, { type: "text", text: "a", IMAGE_URL: "b" }),
      "messages.0.content.1.IMAGE_URL",
    ],
    [said({ tool_calls: [call({}), call({ Function: {} })] }), "messages.0.tool_calls.1.Function"],
    [
      said({ tool_calls: [call({ function: { name: "f", Name: "g" } })] }),
      "messages.0.tool_calls.0.function.Name",
    ],
    [said({ tool_calls: [call({ custom: { Input: "" } })] }), "messages.0.tool_calls.0.custom.Input"],
    [said({ function_call: { name: "f", Arguments: "" } }), "messages.0.function_call.Arguments"],
    [{ tools: [{ ...fn("a"), Function: { name: "b" } }] }, "tools.0.Function"],
    [{ tools: [fn("a"), { type: "function", function: { name: "b", Name: "c" } }] }, "tools.1.function.Name"],
    [{ tools: [{ type: "web_search", Type: "mcp" }] }, "tools.0.Type"],
    [{ tools: [{ type: "custom", custom: { name: "b", Format: {} } }] }, "tools.0.custom.Format"],
    [{ functions: [{ name: "a", NAME: "b" }] }, "functions.0.NAME"],
  ] as const) {
    assert.equal(why(fields), `invalid ${param}`);
  }
});

test("the refusal names the key and says what to do", () => {
  const refusal = refused({ Model: "big" });
  assert.ok(refusal.reason === "invalid_request");
  assert.equal(
    refusal.detail,
    "the request body holds `Model`, which servers that ignore case take for another member; write it in lower case or leave it out",
  );
});

test("what is not interpreted may be written in any case", () => {
  const parameters = { type: "object", properties: { Name: { Type: "x" }, Model: {} } };
  described({
    someKnob: 1,
    metadata: { Model: "a", model: "b" },
    tools: [{ type: "function", function: { name: "f", parameters } }],
    response_format: { type: "json_schema", json_schema: { name: "n", schema: parameters } },
  });
});
