// Server-sent events as they come, for commands that follow a gateway.

/** One event; its data is JSON. */
export interface ServerEvent {
  readonly name: string;
  readonly id: string;
  readonly data: string;
}

/**
 * Until the signal ends it, or the gateway lets nobody in any more, which rejects. `open` is called again, with the id of the
 * last event, whenever the connection ends.
 */
export async function* followEvents(
  open: (after: string | null) => Promise<Response>,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  let after: string | null = null;
  while (!signal.aborted) {
    try {
      const { body } = await open(after);
      if (body === null) return;
      for await (const event of eventsIn(body)) {
        after = event.id;
        yield event;
      }
    } catch (fault) {
      if (signal.aborted) return;
      // Cut off in the middle: what was missed is asked for. What cannot be opened is told.
      if (!(fault instanceof TypeError)) throw fault;
    }
  }
}

/** The gateway ends each line with one line feed, and each event with two. */
async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const fields = fieldsOf(text.slice(0, end));
      text = text.slice(end + 2);
      const [name, id, data] = ["event", "id", "data"].map((field) => fields.get(field));
      if (name !== undefined && id !== undefined && data !== undefined) yield { name, id, data };
    }
  }
}

function fieldsOf(block: string): ReadonlyMap<string, string> {
  return new Map(
    block.split("\n").map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, Math.max(0, colon)), line.slice(colon + 2)];
    }),
  );
}
