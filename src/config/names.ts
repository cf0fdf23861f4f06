// Names, references and places as they are written in the config. Each has a title, which the reference page shows as its
// type.

import { z } from "zod";
import { databaseFault } from "./database-url.ts";
import { listenFault, proxyFault } from "./listen.ts";

export const identifier = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    "use 1 to 64 of a-z, 0-9, `.`, `_`, `-`, starting and ending with a letter or digit",
  )
  .meta({ title: "name" });

export const modelName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, "use printable ASCII without spaces")
  .meta({ title: "model name" });

export const target = z
  .string()
  // What an entry of the trail holds of a target: a longer one could never be called.
  .regex(/^[^/\s]{1,64}\/[\x21-\x7e]{1,200}$/, "write PROVIDER/MODEL, with at most 200 characters of MODEL")
  .meta({ title: "PROVIDER/MODEL" });

/** What is written in place of a reference can be the secret itself, so no message about it may show it. */
export const secretReference = z
  .string("write a reference such as `secret://providers/openai`")
  .regex(
    /^secret:\/\/[a-z0-9][a-z0-9._/-]{0,126}[a-z0-9](?:#[a-z0-9_-]{1,64})?$/,
    "write a reference such as `secret://providers/openai`; put the value in with `portcullis secrets set`",
  )
  .meta({ title: "secret reference" });

export const file = z
  .string()
  .min(1)
  .refine(
    (written) => !/^~|\$\{?\w/.test(written),
    "`~` and variables are not replaced here; write the path out",
  )
  .meta({ title: "file" });

export const folder = z
  .string()
  .min(1)
  .refine(
    (written) => !/^~|\$\{?\w/.test(written),
    "`~` and variables are not replaced here; write the folder out",
  )
  .meta({ title: "folder" });

export const httpUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .superRefine(refusing(urlFault))
  .meta({ title: "URL" });

/** The one that stands for a proxy: an origin, and nothing behind it. */
export const proxyUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .superRefine(refusing(proxyUrlFault))
  .meta({ title: "URL" });

/** A host, a domain with all under it (`.example.com`), an address, a CIDR range, or `*`. */
export const proxyException = z
  .string()
  .regex(
    /^(?:\*|\.?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]+(?:\/\d{1,3})?)$/i,
    "write a host, `.domain`, an address, a range such as 10.0.0.0/8, or `*`",
  )
  .meta({ title: "host, `.domain`, address, range or `*`" });

export const headerName = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, "write the header's name in lowercase, with letters, digits and `-`")
  .meta({ title: "header" });

/** What is written can hold a password, so no message about it may show it. */
export const databaseUrl = z
  .string("write postgres://USER@HOST:PORT/DATABASE")
  .superRefine(refusing(databaseFault))
  .meta({ title: "postgres URL" });

export const person = z.string().min(1).max(254).meta({ title: "e-mail address" });

export const listenAddress = z.string().superRefine(refusing(listenFault)).meta({ title: "HOST:PORT" });

export const proxyRange = z
  .string()
  .superRefine(refusing(proxyFault))
  .meta({ title: "address or CIDR range" });

/** A log or a witness, as it stands in signed notes. */
export const originName = z
  .string()
  .max(200)
  .regex(/^[^\s\u0085+\p{Cc}]+$/u, "write a URL without its scheme, such as `witness.example.com/one`")
  .meta({ title: "name, such as `witness.example.com/one`" });

/** Whether it is one of the right kind is for whoever uses it to say. */
export const verifierKey = z
  .string()
  .max(1000)
  .regex(/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/, "write a verifier key: NAME+KEYID+KEY")
  .meta({ title: "verifier key, NAME+KEYID+KEY" });

function refusing(fault: (written: string) => string | null) {
  return (written: string, context: z.RefinementCtx): void => {
    const message = fault(written);
    if (message !== null) context.addIssue({ code: "custom", message });
  };
}

function proxyUrlFault(written: string): string | null {
  const url = URL.parse(written);
  if (url === null) return "write an http or https URL such as http://proxy.example.com:3128";
  if (url.username !== "" || url.password !== "") {
    return "the URL holds credentials; take them out and use `egress.proxy_credentials`";
  }
  return url.pathname === "/" && url.search === "" && url.hash === ""
    ? null
    : "a proxy is a host and a port; take away what stands behind them";
}

function urlFault(written: string): string | null {
  const url = URL.parse(written);
  if (url === null) return "write an http or https URL";
  if (url.username !== "" || url.password !== "") {
    return "the URL holds credentials; take them out and use `portcullis secrets set`";
  }
  return url.hash === "" ? null : "the URL has a fragment; take away the part from `#` on";
}
