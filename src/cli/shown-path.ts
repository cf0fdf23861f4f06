// Paths in messages, as somebody in the current folder would name them.

import { relative } from "node:path";

export function shownPath(path: string): string {
  return relative(".", path) || ".";
}
