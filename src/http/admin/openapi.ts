// The OpenAPI document of the admin API, made from the schemas that its routes are checked with.

import type { SwaggerOptions } from "@fastify/swagger";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { adminSchemas } from "./admin-schemas.ts";

const describeRoute = createJsonSchemaTransform({ schemaRegistry: adminSchemas });
const describeComponents = createJsonSchemaTransformObject({ schemaRegistry: adminSchemas });

export function openApiOptions(): SwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Portcullis admin API",
        version: "1",
        description: "What an operator does with a running gateway, and reads of it.",
      },
      components: { securitySchemes: { operator: { type: "http", scheme: "bearer" } } },
      security: [{ operator: [] }],
      tags: [
        { name: "approvals", description: "What waits for people" },
        { name: "keys", description: "API keys of applications" },
        { name: "operators", description: "People who were let in" },
        { name: "secrets", description: "Values that the config refers to as `secret://NAME`" },
        { name: "trail", description: "What is on record" },
        { name: "usage", description: "Calls, tokens and cost" },
        { name: "policies", description: "What decides" },
      ],
    },
    transform: (route) => {
      const { schema, url } = describeRoute(route);
      // A wildcard has no name, and in the document every part of a path needs one.
      return url.endsWith("/*")
        ? { schema: withNamedWildcard(schema), url: url.replace(/\*$/, ":name") }
        : { schema, url };
    },
    transformObject: (document) => {
      const described = describeComponents(document);
      const parts = describedParts.parse(described);
      describeResponses(parts.paths);
      dropUnused(parts);
      return described;
    },
  };
}

function withNamedWildcard<Schema>(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"*"', '"name"'));
}

/** Only as far as it is changed below; `custom`, so that these are the document's own objects. */
const describedParts = z.object({
  paths: z.custom<Record<string, Record<string, { responses: Record<string, { description: string }> }>>>(),
  components: z.object({ schemas: z.custom<Record<string, unknown>>() }),
});
type DescribedParts = z.output<typeof describedParts>;

const responseTexts: Readonly<Record<string, string>> = {
  "200": "it was done",
  "201": "it was made",
  "400": "the request cannot be understood",
  "401": "it came without an operator's token",
  "403": "it is not for this operator",
  "404": "what it names is not there",
  "409": "it contradicts what is there",
  "410": "it is over",
  "413": "its body is too large",
  "415": "its body is not JSON",
  "500": "the gateway met a fault of its own",
  "503": "it cannot be done now, and nothing was changed",
};

function describeResponses(paths: DescribedParts["paths"]): void {
  for (const path of Object.values(paths)) {
    for (const { responses } of Object.values(path)) {
      for (const [status, response] of Object.entries(responses)) {
        response.description = responseTexts[status] ?? response.description;
      }
    }
  }
}

/** The transform describes every schema as input and as output; most are used as one of them, and the others go. */
function dropUnused({ paths, components }: DescribedParts): void {
  const used = new Set<string>();
  const note = (part: unknown): void => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      note(components.schemas[name] ?? {});
    }
  };
  note(paths);
  for (const name of Object.keys(components.schemas)) if (!used.has(name)) delete components.schemas[name];
}
