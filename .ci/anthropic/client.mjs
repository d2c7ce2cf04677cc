// Drives the test server of the Messages API with Anthropic's client for Node: node client.mjs <base URL> <key>.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey, maxRetries: 0 });
const tools = [{ name: "calc", description: "sums", input_schema: { type: "object", properties: { expression: { type: "string" } } } }];
const ask = { model: "claude-sonnet-5-5", max_tokens: 1024, tools, thinking: { type: "adaptive", display: "summarized" } };

// A stream with thinking, hidden thinking, text and two calls, put together by the library.
const messages = [{ role: "user", content: "work it out" }];
const stream = client.messages.stream({ ...ask, messages, system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }] });
let said = "", thought = "";
stream.on("text", (text) => { said += text; });
stream.on("thinking", (text) => { thought += text; });
const first = await stream.finalMessage();
assert.equal(said, "I count 😀.");
assert.equal(thought, "two sums");
assert.deepEqual(first.content.map((b) => b.type), ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]);
assert.deepEqual(first.content[4].input, { expression: "2+2" });
assert.equal(first.stop_reason, "tool_use");
assert.ok(first.usage.cache_creation_input_tokens > 0);

// The results, with all that the model said: the server checks the signature.
messages.push({ role: "assistant", content: first.content }, { role: "user", content: [
  { type: "tool_result", tool_use_id: "toolu_1", content: "2" }, { type: "tool_result", tool_use_id: "toolu_2", content: "4" },
] });
const second = await client.messages.create({ ...ask, messages, system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }] });
assert.equal(second.content[0].text, "2 and 4");
assert.ok(second.usage.cache_read_input_tokens > 0);

// Failures, of requests and in a stream.
await assert.rejects(client.messages.create({ ...ask, messages: [{ role: "user", content: " " }] }), Anthropic.BadRequestError);
await assert.rejects(client.messages.create({ ...ask, model: "claude-none", messages: [{ role: "user", content: "x" }] }), Anthropic.NotFoundError);
await assert.rejects(new Anthropic({ baseURL, apiKey: "wrong", maxRetries: 0 }).messages.create({ ...ask, messages: [{ role: "user", content: "x" }] }), Anthropic.AuthenticationError);
await assert.rejects(client.messages.create({ ...ask, messages: [{ role: "user", content: "x" }] }), Anthropic.RateLimitError);
await assert.rejects(client.messages.stream({ ...ask, messages: [{ role: "user", content: "x" }] }).finalMessage(), Anthropic.APIError);

// Models, page by page.
const ids = [];
for await (const m of client.models.list({ limit: 2 })) ids.push(m.id);
assert.equal(ids.length, 5);
assert.equal(ids[0], "claude-opus-5-5");
console.log("all is as the library expects");
