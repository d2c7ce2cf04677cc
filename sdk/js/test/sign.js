import { constants, createHmac, sign } from "node:crypto";
import { PluginError } from "./error.js";

const hmacs = { hmac_sha256: "sha256", hmac_sha512: "sha512", hmac_sha1: "sha1" };
const keys = {
  text: (key) => Buffer.from(key),
  hex: (key) => Buffer.from(key, "hex"),
  base64: (key) => Buffer.from(key.slice(key.lastIndexOf("_") + 1), "base64"),
};

/** Signs as the gateway does: with a credential that is a secret, or a private key in PEM. */
export function signed(credentials, { key, keyEncoding = "text", algorithm = "hmac_sha256", text, bytes }) {
  if (!(key in credentials)) throw new PluginError("unauthorized", `the credential ${key} is not set`);
  const secret = credentials[key];
  const data = text === undefined ? Buffer.from(bytes, "base64") : Buffer.from(text);
  const signature = hmacs[algorithm]
    ? createHmac(hmacs[algorithm], keys[keyEncoding](secret)).update(data).digest()
    : sign(algorithm === "ed25519" ? null : "sha256", data, {
        key: secret,
        dsaEncoding: "ieee-p1363",
        ...(algorithm === "rsa_pss_sha256" && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
      });
  return { bytes: signature.toString("base64") };
}
