// Who owns the folders and who can read them.

import { type Stats, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import { type DoctorFinding, guarded, ok, problem, skipped, warning } from "./finding.ts";

/** Files in them that hold a secret or what secrets are sealed in. */
const secretFile = /^(?:kek|.*\.key|operator\.json|portcullis\.db.*)$/;

export async function folderChecks(loaded: LoadedConfig): Promise<readonly DoctorFinding[]> {
  const { dataFolder, keysFolder } = loaded;
  return [
    ...(await guarded("data folder", () => folderCheck("data folder", dataFolder))),
    ...(await guarded("keys folder", () => folderCheck("keys folder", keysFolder))),
  ];
}

async function folderCheck(check: string, folder: string): Promise<readonly DoctorFinding[]> {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return [skipped(check, `\`${folder}\` is not there; the first start makes it`)];
  if (!stat.isDirectory())
    return [
      problem(check, `\`${folder}\` is no folder`, "move it away or name another folder in the config"),
    ];
  const found = [...modeOf(check, folder, stat), ...ownerOf(check, folder, stat)];
  for (const name of await readdir(folder)) {
    if (secretFile.test(name)) found.push(...fileCheck(check, join(folder, name), stat));
  }
  return found.length > 0 ? found : [ok(check, `\`${folder}\`, for its owner alone`)];
}

function modeOf(check: string, folder: string, { mode }: Stats): readonly DoctorFinding[] {
  if ((mode & 0o022) !== 0)
    return [
      problem(
        check,
        `\`${folder}\` can be written by others (${octal(mode)})`,
        `run \`chmod 700 ${folder}\`, and find out who may have put something there`,
      ),
    ];
  if ((mode & 0o077) === 0) return [];
  return [
    warning(
      check,
      `\`${folder}\` can be looked into by others (${octal(mode)})`,
      `run \`chmod 700 ${folder}\``,
    ),
  ];
}

/** The gateway's user is whoever runs this, unless that is root. */
function ownerOf(check: string, folder: string, { uid }: Stats): readonly DoctorFinding[] {
  const own = process.getuid?.();
  if (own === undefined || own === 0 || own === uid) return [];
  return [
    warning(
      check,
      `\`${folder}\` belongs to user ${uid}, and this is user ${own}`,
      "run `doctor` as the gateway's user; if you did, run `chown -R` on the folder",
    ),
  ];
}

function fileCheck(check: string, path: string, folder: Stats): readonly DoctorFinding[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  const found: DoctorFinding[] = [];
  if ((stat.mode & 0o077) !== 0)
    found.push(
      problem(
        check,
        `\`${path}\` can be used by others (${octal(stat.mode)})`,
        `run \`chmod 600 ${path}\`, and make new what it holds if anybody may have read it`,
      ),
    );
  if (stat.uid !== folder.uid)
    found.push(
      warning(
        check,
        `\`${path}\` belongs to user ${stat.uid} and its folder to user ${folder.uid}`,
        `run \`chown ${folder.uid} ${path}\``,
      ),
    );
  return found;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
