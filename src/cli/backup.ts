// `backup`: a copy of the data folder while its gateway runs. Works on files, so it needs no gateway and no token.

import { resolve } from "node:path";
import { Command } from "commander";
import { backUpDatabase, openSqliteReadOnly } from "../compose.ts";
import { dataFolder } from "./data-folder.ts";
import { print, withGateway } from "./gateway-command.ts";

interface Options {
  readonly dir?: string;
  readonly json?: boolean;
}

export function backupCommand(): Command {
  const command = new Command("backup")
    .description(
      "copy the data folder, while the gateway runs or not; keys/ is not in it and belongs elsewhere",
    )
    .argument("<target>", "the folder to make");
  return withGateway(command, "portcullis backup /backup/2026-11-25").action(backup);
}

async function backup(target: string, options: Options): Promise<void> {
  const place = resolve(target);
  const bytes = backUpDatabase(dataFolder(options.dir), place);
  const copy = openSqliteReadOnly(place);
  try {
    const { origin, vkey } = (await copy.log.identity()) ?? { origin: null, vkey: null };
    const { size: entries } = await copy.log.head();
    const sealed = (await copy.log.latestCheckpoint())?.size ?? 0;
    print(options, { path: place, bytes, origin, vkey, entries, sealed }, () =>
      [
        `${place}: log ${origin ?? "without a name"}, ${entries} entries (${sealed} sealed), ${bytes} bytes`,
        `check it with \`portcullis audit verify ${place}\`; keep a copy of keys/ too, in another place`,
      ].join("\n"),
    );
  } finally {
    copy.close();
  }
}
