// `secret://name#field`: how config names a secret without holding it.

export interface SecretReference {
  readonly name: string;
  /** Member of a secret that is a JSON object, or null for the whole. */
  readonly field: string | null;
}

export function parseSecretReference(reference: string): SecretReference | null {
  const match = /^secret:\/\/([a-z0-9][a-z0-9._/-]*)(?:#([a-z0-9_-]+))?$/.exec(reference);
  if (match?.[1] === undefined) return null;
  return { name: match[1], field: match[2] ?? null };
}
