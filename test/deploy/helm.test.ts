// The Helm chart, by a real helm: what it renders is sound, and the gateway takes the config that is in it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { withoutBuiltCommand } from "../e2e/needs.ts";
import { testFolder } from "../e2e/test-gateway.ts";

const chart = resolve(import.meta.dirname, "../../deploy/helm/portcullis");
const command = resolve(import.meta.dirname, "../../bin/portcullis");
const skip = withoutBuiltCommand("helm", "`go install helm.sh/helm/v3/cmd/helm@v3.22.0` brings it");

const policies = { "models.cedar": '@id("any") permit (principal, action, resource);' };
const postgres = {
  enabled: true,
  replicas: 3,
  url: "postgres://gate@db:5432/portcullis",
  existingSecret: "gate-db",
  keysClaim: "gate-keys",
};

function helm(verb: readonly string[], values: object) {
  return spawnSync("helm", [...verb, chart, "--values", "-"], {
    encoding: "utf8",
    input: JSON.stringify(values),
  });
}

const container = z.object({
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
  }),
  startupProbe: z.object({ httpGet: z.object({ path: z.literal("/healthz") }) }),
  livenessProbe: z.object({ httpGet: z.object({ path: z.literal("/healthz") }) }),
  readinessProbe: z.object({ httpGet: z.object({ path: z.literal("/readyz") }) }),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
});
const workload = z.object({
  kind: z.enum(["StatefulSet", "Deployment"]),
  spec: z.object({
    replicas: z.number(),
    template: z.object({
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.number().min(1) }),
        containers: z.tuple([container]),
        volumes: z.array(z.object({ name: z.string() })),
      }),
    }),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })).optional(),
  }),
});
const configMap = z.object({ kind: z.literal("ConfigMap"), data: z.record(z.string(), z.string()) });

function rendered(values: object) {
  const made = helm(["template", "gate", "--kube-version", "1.30.0"], values);
  assert.equal(made.status, 0, made.stderr);
  const objects = parseAllDocuments(made.stdout).map((document): unknown => {
    assert.deepEqual(document.errors, []);
    return document.toJS();
  });
  const kinds = objects.map((object) => z.object({ kind: z.string() }).parse(object).kind).toSorted();
  const found = objects.flatMap((object) => workload.safeParse(object).data ?? []);
  const maps = objects.flatMap((object) => configMap.safeParse(object).data ?? []);
  const [work] = found;
  assert.ok(work !== undefined && found.length === 1, made.stdout);
  return { kinds, work, files: Object.assign({}, ...maps.map(({ data }) => data)) as Record<string, string> };
}

/** The files as Kubernetes lays them out: every name is a link to a link to a folder that is exchanged as a whole. */
function mounted(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = testFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  const place = join(folder, "policies");
  mkdirSync(join(place, "..2026"), { recursive: true });
  symlinkSync("..2026", join(place, "..data"));
  for (const [name, text] of Object.entries(files)) {
    if (name === "portcullis.yaml") {
      writeFileSync(join(folder, name), text.replace("/etc/portcullis/policies", "./policies"));
    } else {
      writeFileSync(join(place, "..2026", name), text);
      symlinkSync(join("..data", name), join(place, name));
    }
  }
  return join(folder, "portcullis.yaml");
}

test("the chart is linted without a complaint, in both of its forms", { skip }, () => {
  for (const values of [{ policies }, { policies, postgres }]) {
    const linted = helm(["lint", "--strict", "--kube-version", "1.30.0"], values);
    assert.equal(linted.status, 0, linted.stdout + linted.stderr);
  }
});

test("with SQLite it is one gateway on volumes of its own, with a config that the gateway takes", {
  skip,
}, (t) => {
  const { kinds, work, files } = rendered({ policies, service: { port: 9000 } });
  assert.deepEqual(kinds, [
    "ConfigMap",
    "ConfigMap",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
    "StatefulSet",
  ]);
  assert.equal(work.spec.replicas, 1);
  assert.deepEqual(
    work.spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name),
    ["data", "keys"],
  );
  assertMountsExist(work);
  const checked = spawnSync(command, ["check", "--config", mounted(t, files)], { encoding: "utf8" });
  assert.equal(checked.status, 0, checked.stderr);
  assert.match(files["portcullis.yaml"] ?? "", /listen: 0\.0\.0\.0:9000/);
});

test("with PostgreSQL it is as many gateways as wanted, and their password is in no config", { skip }, () => {
  const { work, files } = rendered({ policies, postgres });
  assert.deepEqual(
    [work.kind, work.spec.replicas, work.spec.volumeClaimTemplates],
    ["Deployment", 3, undefined],
  );
  assertMountsExist(work);
  assert.match(files["portcullis.yaml"] ?? "", /^database: postgres:\/\/gate@db:5432\/portcullis$/m);
  const [{ env }] = work.spec.template.spec.containers;
  assert.ok(env.some(({ name, value }) => name === "PGPASSWORD" && value === undefined));
});

test("values that cannot be meant are refused before anything is installed", { skip }, () => {
  for (const [values, says] of [
    [{}, /policies/],
    [{ policies: { "models.txt": "x" } }, /models\.txt/],
    [{ policies, polices: {} }, /polices/],
    [{ policies, config: { data: "./data" } }, /data/],
    [{ policies, postgres: { enabled: true } }, /url/],
    [{ policies, postgres: { ...postgres, url: "postgres://gate:secret@db/x" } }, /url/],
    [{ policies, kek: { existingSecret: "", key: "kek" } }, /existingSecret/],
  ] as const) {
    const made = helm(["template", "gate", "--kube-version", "1.30.0"], values);
    assert.notEqual(made.status, 0, JSON.stringify(values));
    assert.match(made.stderr, says);
  }
});

function assertMountsExist({ spec }: z.infer<typeof workload>): void {
  const { containers, volumes } = spec.template.spec;
  const known = new Set([
    ...volumes.map(({ name }) => name),
    ...(spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
  ]);
  for (const { name } of containers[0].volumeMounts) assert.ok(known.has(name), `volume ${name}`);
}
