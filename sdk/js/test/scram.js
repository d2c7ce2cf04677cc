import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { PluginError } from "./error.js";

const nonce = "a-nonce-of-the-test-host";

/** Logs in by SCRAM as the gateway does, with the same nonce each time. */
export function scram(credentials, { password, user = "", hash = "sha256", first, challenge, outcome }) {
  if (!(password in credentials)) throw new PluginError("unauthorized", `the credential ${password} is not set`);
  if (first === undefined) return { text: `n,,n=${user.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}` };
  const [, r, salt, count] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? [];
  if (!r) throw new PluginError("invalid", "the challenge is none of SCRAM's");
  const mac = (key, text) => createHmac(hash, key).update(text).digest();
  const last = `c=biws,r=${r}`;
  const said = `${first.slice("n,,".length)},${challenge},${last}`;
  const length = createHash(hash).digest().length;
  const salted = pbkdf2Sync(credentials[password], Buffer.from(salt, "base64"), Number(count), length, hash);
  if (outcome !== undefined) {
    const got = Buffer.from(/^v=([^,]+)/.exec(outcome)?.[1] ?? "", "base64");
    if (got.length === length && timingSafeEqual(got, mac(mac(salted, "Server Key"), said))) return { text: "" };
    throw new PluginError("unauthorized", "the server does not prove that it knows the password");
  }
  const key = mac(salted, "Client Key");
  const mask = mac(createHash(hash).update(key).digest(), said);
  return { text: `${last},p=${key.map((byte, i) => byte ^ mask[i]).toString("base64")}` };
}
