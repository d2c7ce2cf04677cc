// That the host for tests signs as the gateway does.
import assert from "node:assert/strict";
import { generateKeyPairSync, verify } from "node:crypto";
import { test } from "node:test";
import { signed } from "../test/sign.js";

const text = "what do ya want for nothing?";

test("a secret, in each of its encodings", () => {
  const credentials = { text: "Jefe", hex: "4a656665", base64: "k_SmVmZQ==" };
  for (const keyEncoding of Object.keys(credentials)) {
    const { bytes } = signed(credentials, { key: keyEncoding, keyEncoding, bytes: Buffer.from(text).toString("base64") });
    // RFC 4231, case 2
    assert.equal(Buffer.from(bytes, "base64").toString("hex"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
  assert.throws(() => signed({}, { key: "none", text }), { code: "unauthorized" });
});

test("a private key", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { bytes } = signed({ key: privateKey.export({ type: "pkcs8", format: "pem" }) }, { key: "key", algorithm: "es256", text });
  assert.ok(verify("sha256", Buffer.from(text), { key: publicKey, dsaEncoding: "ieee-p1363" }, Buffer.from(bytes, "base64")));
});
