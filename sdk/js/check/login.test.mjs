// That the host for tests logs in as the gateway does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange } from "../test/http.js";

test("a login has the password that the plugin does not see", () => {
  const http = ({ headers }) => ({ text: headers.authorization });
  const request = { url: "https://a.example/", basic: { user: "ann", password: "key" } };
  assert.equal(exchange({ http, credentials: { key: "s3cret" } }, request).text, "Basic YW5uOnMzY3JldA==");
  assert.throws(() => exchange({ http, credentials: {} }, request), { code: "unauthorized" });
});
