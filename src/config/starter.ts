// What `init` and `up` write into an empty folder. Nothing that exists is ever overwritten, so a start that was killed
// half-way is finished by the next.

import { constants, copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Returns what was made, relative to the folder. `policiesSource` holds the starter policies of the package. */
export async function writeStarter(folder: string, policiesSource: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const made: string[] = [];
  if (await createNew(join(folder, "portcullis.yaml"), starterConfig)) made.push("portcullis.yaml");
  if (await createNew(join(folder, ".gitignore"), "/data/\n/keys/\n")) made.push(".gitignore");
  const policies = join(folder, "policies");
  if ((await mkdir(policies, { recursive: true })) !== undefined || (await readdir(policies)).length === 0) {
    for (const name of await readdir(policiesSource)) {
      if (name.endsWith(".cedar"))
        await copyFile(join(policiesSource, name), join(policies, name), constants.COPYFILE_EXCL);
    }
    made.push("policies/");
  }
  return made;
}

async function createNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "EEXIST") return false;
    throw fault;
  }
}

const starterConfig = `# Portcullis. Every key and its meaning: src/config/schema.ts in the package.

server:
  listen: 127.0.0.1:8787

# Where models come from. \`demo\` is built in and calls nobody.
providers:
  demo:
    type: demo
  # A real one: uncomment, then \`portcullis secrets set providers/openai\`.
  # openai:
  #   type: openai
  #   base_url: https://api.openai.com/v1
  #   api_key: secret://providers/openai

# Names that clients may use in place of PROVIDER/MODEL; targets are tried in order.
models:
  - name: fast
    targets:
      - demo/assistant

groups:
  operators:
    - owner@localhost

# What policies can ask for before something changes state.
sign_offs:
  default:
    approvers:
      - group:operators
    quorum: 1

# What the tools do that your clients run themselves. A tool that is not listed counts as \`write\`.
tools:
  send_email:
    effect: write

applications:
  - name: assistant
`;
