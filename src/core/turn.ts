// The work of many calls at the same stage, done together. What runs for thirty calls in a row stays in the processor's
// caches; run between the reads of thirty sockets, the same code is fetched anew for each of them and takes a third longer.

/**
 * Who share a turn at most. When thousands of streams go on at the same moment (their provider had stalled) timers and
 * sockets get theirs in between: a checkpoint that cannot be signed for seconds would end all of them.
 */
export const mostInTurn = 64;

interface Turn {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  joined: number;
}

/** Those to come, the next one first. */
const turns: Turn[] = [];

/** Resolves when the event loop has taken in what was waiting, for all who ask meanwhile and in their order. */
export function nextTurn(): Promise<void> {
  let turn = turns.at(-1);
  if (turn === undefined || turn.joined === mostInTurn) {
    turn = { ...Promise.withResolvers<void>(), joined: 0 };
    turns.push(turn);
    if (turns.length === 1) setImmediate(begin);
  }
  turn.joined += 1;
  return turn.promise;
}

/** What is set from here on comes after the event loop has gone round once more. */
function begin(): void {
  turns.shift()?.resolve();
  if (turns.length > 0) setImmediate(begin);
}
