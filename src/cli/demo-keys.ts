// One key pressed on a terminal: `a` or `r`, or one that leaves.

/** Null when the signal ends it first. Ctrl-C interrupts as it does everywhere, and `q` likewise. */
export function decisionKey(signal: AbortSignal): Promise<"approve" | "reject" | null> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const done = (pressed: "approve" | "reject" | null): void => {
      stdin.off("data", typed);
      signal.removeEventListener("abort", ended);
      stdin.setRawMode(false);
      stdin.pause();
      resolve(pressed);
    };
    const ended = (): void => done(null);
    const typed = (bytes: Buffer): void => {
      const key = bytes.toString("latin1");
      if (key === "\u0003" || /^q/i.test(key)) process.kill(process.pid, "SIGINT");
      else if (/^a/i.test(key)) done("approve");
      else if (/^r/i.test(key)) done("reject");
    };
    if (signal.aborted) return resolve(null);
    signal.addEventListener("abort", ended, { once: true });
    stdin.setRawMode(true);
    stdin.on("data", typed);
    stdin.resume();
  });
}
