// That the host for tests logs in by SCRAM as the gateway does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { scram } from "../test/scram.js";

// RFC 7677, section 3, and RFC 5802, section 5
const examples = [
  {
    hash: "sha256",
    first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    last: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    outcome: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  },
  {
    hash: "sha1",
    first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    last: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    outcome: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
  },
];

test("the published logins", () => {
  const credentials = { key: "pencil" };
  for (const { hash, first, challenge, last, outcome } of examples) {
    const login = { password: "key", user: "user", hash, first, challenge };
    assert.equal(scram(credentials, login).text, last);
    assert.equal(scram(credentials, { ...login, outcome }).text, "");
    assert.throws(() => scram(credentials, { ...login, outcome: "v=AAAA" }), { code: "unauthorized" });
  }
  assert.match(scram(credentials, { password: "key", user: "a,b=" }).text, /^n,,n=a=2Cb=3D,r=/);
  assert.throws(() => scram({}, { password: "none" }), { code: "unauthorized" });
});
