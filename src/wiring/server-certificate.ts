// The certificate that the server shows, and how a renewed one takes its place.

import type { Logger } from "pino";
import { readServerCertificate, type ServerCertificate } from "../config/certificate-files.ts";
import type { LoadedConfig } from "../config/load.ts";
import { systemClock } from "../core/clock.ts";
import { OperatorError } from "../core/operator-error.ts";
import type { Result } from "../core/result.ts";

export class CertificateInForce {
  readonly #read: () => Promise<Result<ServerCertificate, string>>;
  readonly #log: Logger;
  #current: ServerCertificate;

  private constructor(
    read: () => Promise<Result<ServerCertificate, string>>,
    log: Logger,
    current: ServerCertificate,
  ) {
    this.#read = read;
    this.#log = log;
    this.#current = current;
  }

  /** Null without `server.tls`. Throws `OperatorError` for files that cannot be used. */
  static async open({ config, folder }: LoadedConfig, log: Logger): Promise<CertificateInForce | null> {
    const { tls } = config.server;
    if (tls === undefined) return null;
    const read = () => readServerCertificate(folder, tls, systemClock.now());
    const first = await read();
    if (!first.ok) throw new OperatorError(first.failure);
    warn(log, first.value);
    return new CertificateInForce(read, log, first.value);
  }

  get current(): ServerCertificate {
    return this.#current;
  }

  /** Reads the files again. Never rejects: what cannot be used is said in the log, and the old one stays. */
  async renew(putInForce: (certificate: ServerCertificate) => void): Promise<void> {
    const read = await this.#read();
    if (!read.ok) return this.#log.error({ problem: read.failure }, "the certificate stays as it is");
    const { cert, key, clientCa } = this.#current;
    if (read.value.cert === cert && read.value.key === key && read.value.clientCa === clientCa) return;
    try {
      putInForce(read.value);
    } catch (fault) {
      return this.#log.error({ problem: String(fault) }, "the certificate stays as it is");
    }
    this.#current = read.value;
    warn(this.#log, read.value);
    this.#log.info({ ends: new Date(read.value.ends).toISOString() }, "the renewed certificate is in force");
  }
}

function warn(log: Logger, { warnings }: ServerCertificate): void {
  for (const warning of warnings) log.warn(warning);
}
