// Where the link leads that clients are told of what waits. It says how to decide and nothing else: whoever has the link may
// be anybody, and a GET never decides.

import type { FastifyInstance } from "fastify";

export function approvalLink(app: FastifyInstance): void {
  app.get<{ Params: { id: string } }>("/approvals/:id", async (request, reply) => {
    const { id } = request.params;
    const isOne = /^apr_[0-9a-f-]{36}$/.test(id);
    const text = isOne
      ? `This waits for a person. An operator sees all of it, and decides, with\n\n  portcullis approvals show ${id}\n  portcullis approvals approve ${id}\n`
      : "No approval has this name.\n";
    return reply
      .code(isOne ? 200 : 404)
      .headers({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" })
      .type("text/plain; charset=utf-8")
      .send(text);
  });
}
