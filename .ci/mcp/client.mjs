// Drives a gateway with the official MCP client for TypeScript: node client.mjs <address of /mcp> <token>.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [address, token] = process.argv.slice(2);
const connect = async (secret, headers = {}) => {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(address), {
    requestInit: { headers: { Authorization: `Bearer ${secret}`, ...headers } },
  }));
  return client;
};
const said = (result) => result.content.map((c) => c.text).join("|");

// A stranger is not let in.
await assert.rejects(connect("wrong"));

// Tools, with what they may do, and calls for a session.
const client = await connect(token, { "X-Carapace-Session-Key": "other" });
assert.equal(client.getServerVersion().name, "carapace");
const { tools } = await client.listTools();
assert.deepEqual(tools.map((t) => [t.name, t.annotations.readOnlyHint]).sort(), [["say", true], ["wait", true], ["write", false]]);
assert.equal(said(await client.callTool({ name: "say", arguments: { a: 1 } })), 'agent:main:other {"a":1}');

// A failure of the tool, one of approvals, and a tool that there is not.
const failed = await client.callTool({ name: "say", arguments: { a: "fail" } });
assert.equal(failed.isError, true);
const refused = await client.callTool({ name: "write", arguments: {} });
assert.equal(refused.isError, true);
assert.match(said(refused), /somebody has to approve it/);
await assert.rejects(client.callTool({ name: "none", arguments: {} }));

// Many at once, and one that is given up: the gateway's tool hears of it, as the next call tells.
const many = await Promise.all(Array.from({ length: 20 }, (_, n) => client.callTool({ name: "say", arguments: { n } })));
many.forEach((result, n) => assert.equal(said(result), `agent:main:other {"n":${n}}`));
const stop = new AbortController();
const waiting = client.callTool({ name: "wait", arguments: {} }, undefined, { signal: stop.signal });
while (said(await client.callTool({ name: "say", arguments: { waits: true } })) !== "1 waits") await new Promise((next) => setTimeout(next, 20));
stop.abort("enough");
await assert.rejects(waiting);
await client.close();
console.log("all of it works");
