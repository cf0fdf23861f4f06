// A command that ran and has something to tell: exit code 1.

export class Finding extends Error {
  override readonly name = "Finding";
}
