// The way out that the config describes.

import { readAuthorities } from "../config/certificate-files.ts";
import type { LoadedConfig } from "../config/load.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { SecretValue } from "../core/secret-value.ts";
import { Egress } from "../egress/egress.ts";
import { type Secrets, secretAt } from "./secret-at.ts";

/** Throws `OperatorError` for a file of certificates that cannot be used. */
export async function openEgress(
  { config, folder }: Pick<LoadedConfig, "config" | "folder">,
  secrets: Secrets,
): Promise<Egress> {
  const { proxy, proxy_credentials: credentials, no_proxy: exceptions, ca } = config.egress;
  const authorities = ca === undefined ? null : await readAuthorities(folder, "egress.ca", ca);
  if (authorities?.ok === false) throw new OperatorError(authorities.failure);
  return new Egress({
    proxy:
      proxy === undefined
        ? null
        : {
            url: proxy,
            exceptions,
            credentials: credentials === undefined ? null : proxyCredentials(credentials, secrets),
          },
    authorities: authorities?.value ?? null,
  });
}

function proxyCredentials(written: string, secrets: Secrets): () => Promise<SecretValue> {
  const read = secretAt(written, secrets, "the proxy's credentials");
  return async () => {
    const secret = await read();
    if (secret.ok) return secret.value;
    throw Object.assign(new Error(secret.failure), { code: "PROXY_CREDENTIALS" });
  };
}

/** The variables by which other programs find a proxy. Ours is on record with the config, so that nobody can redirect calls unseen. */
export function unusedProxyVariables(
  { config }: Pick<LoadedConfig, "config">,
  environment: NodeJS.ProcessEnv,
): readonly string[] {
  if (config.egress.proxy !== undefined) return [];
  return ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"].filter(
    (name) => (environment[name] ?? "") !== "",
  );
}
