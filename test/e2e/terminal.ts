// A person at a terminal: commands run on a real one (a pseudo-terminal of `script`, which Debian always has), get keys, and
// are looked at as they would be seen.

import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { TestGateway } from "./test-gateway.ts";

const command = resolve(import.meta.dirname, "../../bin/portcullis");

export interface Terminal {
  /** What is on the screen so far, without colours. */
  shown(): string;
  /** Resolves with the match once it is shown; what was shown before an earlier match does not count. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  press(keys: string): void;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

export const ctrlC = "\x03";
export const ctrlD = "\x04";

/** Runs `portcullis` with these arguments on the folder of the gateway. */
export function atTerminal(
  { folder }: Pick<TestGateway, "folder">,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Terminal {
  const line = [command, ...args, "--dir", folder].map(quoted).join(" ");
  // `exec`, so that what is pressed and how it ends are the command's own.
  const child = spawn("script", ["-qefc", `stty cols 120 rows 40; exec ${line}`, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...environment, SHELL: "/bin/sh", TERM: "xterm-256color" },
  });
  const ended = Promise.withResolvers<number | null>();
  child.once("error", ended.reject).once("close", ended.resolve);
  const waiters = new Set<() => void>();
  let output = "";
  let seen = 0;
  child.stdin.on("error", () => undefined);
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    for (const waiter of [...waiters]) waiter();
  });
  const shown = (): string => stripVTControlCharacters(output).replaceAll("\r", "");
  return {
    shown,
    shows: (pattern) =>
      new Promise((found, fails) => {
        const look = (): void => {
          const match = pattern.exec(shown().slice(seen));
          if (match === null) return;
          seen += match.index + match[0].length;
          waiters.delete(look);
          found(match);
        };
        waiters.add(look);
        const over = (): void => fails(new Error(`it ended without showing ${pattern}: ${shown()}`));
        ended.promise.then(over, fails);
        look();
      }),
    press: (keys) => void child.stdin.write(keys),
    ended: ended.promise,
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
