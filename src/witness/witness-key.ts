// The witness's own key, made at its first start.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseWitnessSigner, type WitnessSigner } from "portcullis-verify/log/cosignature.ts";
import { cosignatureType, formatSignerKey } from "portcullis-verify/log/signed-note.ts";
import { OperatorError } from "../core/operator-error.ts";
import { openOwnKeyFile } from "../core/own-key-file.ts";

export const witnessKeyFile = "witness.key";

/**
 * `PRIVATE+KEY+name+keyid+base64(0x04 ‖ seed)`. Throws `OperatorError` when it can be read by others, is no witness's key,
 * or is one of another name. `mayCreate` is false once something was cosigned: then a missing key is never replaced.
 */
export async function openWitnessKey(
  folder: string,
  name: string,
  mayCreate: boolean,
): Promise<WitnessSigner> {
  const path = join(folder, witnessKeyFile);
  const create = mayCreate ? () => formatSignerKey(name, randomBytes(32), cosignatureType) : null;
  const signer = parseWitnessSigner(await openOwnKeyFile(path, create));
  if (!signer.ok)
    throw new OperatorError(
      `\`${path}\` is no key of a witness: ${signer.failure}; restore it from your backup`,
    );
  if (signer.value.name !== name) {
    throw new OperatorError(
      `\`${path}\` is the key of the witness \`${signer.value.name}\`, not of \`${name}\`; set \`name\` back: whoever relies on the witness knows it by both`,
    );
  }
  return signer.value;
}
