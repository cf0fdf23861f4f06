// `operators`: the people who were let in, each with a token of their own.

import { Command } from "commander";
import { adminClient, isRow, type Row } from "./admin-client.ts";
import { type GatewayOptions, gatewayCommand, print, withExample } from "./gateway-command.ts";
import { table } from "./table.ts";

export function operatorsCommands(): Command {
  const operators = withExample(
    new Command("operators").description("people with a token of their own"),
    "portcullis operators invite ana@example.com --expires 30d",
  );
  gatewayCommand(
    operators,
    "list",
    "everybody who was invited, the removed ones too",
    "portcullis operators list",
  ).action(list);
  gatewayCommand(
    operators,
    "invite",
    "a token for a person, shown once; the one that they had ends",
    "portcullis operators invite ana@example.com --expires 30d",
  )
    .argument("<name>", "their e-mail address, as `groups` and `sign_offs` of the config list it")
    .option(
      "--expires <duration>",
      "how long the token is valid, such as 30d; default: until they are removed",
    )
    .action(invite);
  gatewayCommand(
    operators,
    "remove",
    "end a person's token now",
    "portcullis operators remove ana@example.com",
  )
    .argument("<name>", "their e-mail address, as `operators list` shows it")
    .action(remove);
  return operators;
}

async function list(options: GatewayOptions): Promise<void> {
  const client = adminClient(options.dir);
  const operators = await client.pages("/operators", "operators");
  const { own_token: own } = options.json === true ? {} : await client.get("/operators", { limit: "1" });
  print(options, operators, () => `${operatorTable(operators)}\n${ownToken(isRow(own) ? own : {})}`);
}

function operatorTable(operators: readonly Row[]): string {
  if (operators.length === 0)
    return "nobody is invited yet; `portcullis operators invite NAME` invites a person";
  return table(operators, [
    { title: "name", cell: ({ name }) => String(name ?? "?") },
    { title: "state", cell: ({ state }) => String(state) },
    { title: "hint", cell: ({ hint }) => String(hint) },
    { title: "groups", cell: ({ groups }) => names(groups) },
    { title: "sign-offs", cell: ({ sign_offs: signOffs }) => names(signOffs) },
    { title: "invited", cell: ({ invited }) => String(invited) },
    { title: "ends", cell: ({ removed, expires }) => String(removed ?? expires ?? "-") },
  ]);
}

function ownToken({ name, votes, reason }: Row): string {
  const whose = `the gateway's own token (${String(name)})`;
  return votes === true
    ? `${whose} votes until a person is invited or another provider than the demo model is used`
    : `${whose} gives no vote: ${String(reason)}`;
}

async function invite(name: string, options: GatewayOptions & { readonly expires?: string }): Promise<void> {
  const { expires } = options;
  const body = expires === undefined ? { name } : { name, expires };
  const invited = await adminClient(options.dir).send("POST", "/operators", body);
  print(options, invited, () => newToken(invited));
  if (names(invited["groups"]) !== "-" || names(invited["sign_offs"]) !== "-") return;
  console.error(
    `portcullis: ${String(invited["name"])} is in no group and may give no sign-off; add them to \`groups\` or \`sign_offs\` in portcullis.yaml`,
  );
}

function newToken(invited: Row): string {
  const { name, token, expires } = invited;
  const until = typeof expires === "string" ? `valid until ${expires}` : "valid until they are removed";
  return `${String(name)}
${String(token)}
this token is shown once, and ${until}; they set PORTCULLIS_TOKEN to it, and PORTCULLIS_URL to the gateway's address`;
}

async function remove(name: string, options: GatewayOptions): Promise<void> {
  const removed = await adminClient(options.dir).send("DELETE", `/operators/${encodeURIComponent(name)}`);
  print(options, removed, () => `removed ${String(removed["name"])}`);
}

function names(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? value.join(", ") : "-";
}
