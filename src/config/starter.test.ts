import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { OperatorError } from "../core/operator-error.ts";
import { temporaryFolder } from "./config.test-support.ts";
import { loadConfig } from "./load.ts";
import { writeStarter } from "./starter.ts";

const source = resolve(import.meta.dirname, "../../policies");
const starterPolicies = readdirSync(source).filter((name) => /\.(?:cedar|test\.yaml)$/.test(name));

/** Everything below the folder with its text. */
function contents(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]),
  );
}

async function started(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  await writeStarter(folder, source);
  return folder;
}

test("an empty folder gets a config that loads, the starter policies, and a .gitignore for keys and data", async (t) => {
  const folder = join(temporaryFolder(t), "new", "gateway");
  assert.deepEqual(await writeStarter(folder, source), ["policies/", ".gitignore", "portcullis.yaml"]);
  assert.deepEqual(readdirSync(join(folder, "policies")).toSorted(), starterPolicies.toSorted());
  const loaded = await loadConfig(join(folder, "portcullis.yaml"));
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { config, dataFolder, keysFolder, policiesFolder } = loaded.value;
  assert.deepEqual(
    config.applications.map(({ name }) => name),
    ["assistant"],
  );
  assert.deepEqual(config.providers, { demo: { type: "demo" } });
  assert.deepEqual(config.sign_offs["default"]?.approvers, ["group:operators"]);
  assert.deepEqual(config.groups["operators"], ["owner@localhost"]);
  assert.equal(policiesFolder, join(folder, "policies"));
  for (const path of [dataFolder, keysFolder]) {
    assert.match(contents(folder)[".gitignore"] ?? "", new RegExp(`^${path.slice(folder.length)}/$`, "m"));
  }
});

test("a comment that shows a real provider is one that can be uncommented", async (t) => {
  const folder = await started(t);
  const file = join(folder, "portcullis.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/^ {2}# (?=openai:| {2}\w+:)/gm, "  "));
  const loaded = await loadConfig(file);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.equal(loaded.value.config.providers["openai"]?.type, "openai");
});

test("a second start makes nothing and changes nothing", async (t) => {
  const folder = await started(t);
  const before = contents(folder);
  assert.deepEqual(await writeStarter(folder, source), []);
  assert.deepEqual(contents(folder), before);
});

test("what exists is never overwritten, not even where it is a link to nowhere", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "portcullis.yaml"), "# mine\n");
  symlinkSync("nowhere", join(folder, ".gitignore"));
  mkdirSync(join(folder, "policies"));
  writeFileSync(join(folder, "policies", "own.cedar"), "// mine\n");
  assert.deepEqual(await writeStarter(folder, source), []);
  assert.deepEqual(contents(folder), { "policies/own.cedar": "// mine\n", "portcullis.yaml": "# mine\n" });
});

test("a start that was killed at any point is finished by the next", async (t) => {
  const whole = contents(await started(t));
  const paths = Object.keys(whole);
  for (let kept = 0; kept <= paths.length; kept += 1) {
    for (const remaining of [paths.slice(0, kept), paths.slice(paths.length - kept)]) {
      if (remaining.includes("portcullis.yaml") && kept < paths.length) continue;
      const folder = await started(t);
      for (const path of paths) if (!remaining.includes(path)) rmSync(join(folder, path));
      writeFileSync(join(folder, "policies", `${starterPolicies[0]}.1234.tmp`), "half a po");
      await writeStarter(folder, source);
      rmSync(join(folder, "policies", `${starterPolicies[0]}.1234.tmp`));
      assert.deepEqual(contents(folder), whole, remaining.join());
    }
  }
});

test("policies that somebody took out, or all of them, do not come back", async (t) => {
  const folder = await started(t);
  const [first = ""] = starterPolicies;
  rmSync(join(folder, "policies", first));
  assert.deepEqual(await writeStarter(folder, source), []);
  for (const name of readdirSync(join(folder, "policies"))) rmSync(join(folder, "policies", name));
  assert.deepEqual(await writeStarter(folder, source), []);
  assert.deepEqual(readdirSync(join(folder, "policies")), []);
});

test("own policies are not mixed with the starter's, and an empty mount is filled, before there is a config", async (t) => {
  const own = temporaryFolder(t);
  mkdirSync(join(own, "policies"));
  writeFileSync(join(own, "policies", starterPolicies[0] ?? ""), "// mine\n");
  assert.deepEqual(await writeStarter(own, source), [".gitignore", "portcullis.yaml"]);
  assert.deepEqual(readdirSync(join(own, "policies")), [starterPolicies[0]]);
  const mounted = temporaryFolder(t);
  mkdirSync(join(mounted, "policies"));
  assert.deepEqual(await writeStarter(mounted, source), ["policies/", ".gitignore", "portcullis.yaml"]);
  assert.deepEqual(readdirSync(join(mounted, "policies")).toSorted(), starterPolicies.toSorted());
});

test("a config without its policies folder gets the starter policies", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "portcullis.yaml"), "{}\n");
  assert.deepEqual(await writeStarter(folder, source), ["policies/", ".gitignore"]);
  assert.deepEqual(readdirSync(join(folder, "policies")).toSorted(), starterPolicies.toSorted());
});

test("two that start at once both find everything, made once", async (t) => {
  const folder = temporaryFolder(t);
  const made = await Promise.all([writeStarter(folder, source), writeStarter(folder, source)]);
  assert.deepEqual(made.flat().toSorted(), [".gitignore", "policies/", "portcullis.yaml"]);
  assert.deepEqual(contents(folder), contents(await started(t)));
});

test("what was made can be changed by its owner, also where the package's files are read-only", async (t) => {
  const readOnly = temporaryFolder(t);
  writeFileSync(join(readOnly, "a.cedar"), "// a\n");
  writeFileSync(join(readOnly, "notes.md"), "not a policy");
  chmodSync(join(readOnly, "a.cedar"), 0o444);
  const folder = temporaryFolder(t);
  await writeStarter(folder, readOnly);
  assert.deepEqual(readdirSync(join(folder, "policies")), ["a.cedar"]);
  writeFileSync(join(folder, "policies", "a.cedar"), "// b\n");
});

test("a folder that cannot be one is refused in words", async (t) => {
  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  for (const folder of [file, join(file, "below")]) {
    await assert.rejects(writeStarter(folder, source), (fault) => {
      assert.ok(fault instanceof OperatorError);
      assert.match(fault.message, /cannot take the starter files \(E\w+\); name a folder/);
      return true;
    });
  }
});
