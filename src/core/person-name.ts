// What a person is called. One person must not pass for two by being written in two ways, where it counts how many agree.

/** The same for every way of writing one e-mail address: letters differ in neither case nor width. */
export function personName(written: string): string {
  return written.trim().normalize("NFKC").toLowerCase();
}
