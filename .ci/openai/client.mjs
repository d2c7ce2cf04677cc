// Drives a gateway with OpenAI's client for Node: node client.mjs <base URL> <token>.
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const model = "carapace";
const parameters = { type: "object", properties: { city: { type: "string" } } };
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

// Models.
const ids = [];
for await (const m of client.models.list()) ids.push(m.id);
assert.deepEqual(ids, ["carapace", "carapace/main", "model/model"]);
assert.equal((await client.models.retrieve("model/model")).id, "model/model");

// A whole answer, with a picture.
const whole = await client.chat.completions.create({ model, messages: [
  { role: "user", content: [{ type: "text", text: "look" }, { type: "image_url", image_url: { url: pixel } }] },
] });
assert.match(whole.choices[0].message.content, /^1 turns, [01] pictures: look/);
assert.equal(whole.choices[0].finish_reason, "stop");
assert.equal(whole.usage.total_tokens, 10);

// A streamed one, with the library's own helper, which checks what it puts together.
const runner = client.chat.completions.stream({ model, stream_options: { include_usage: true }, messages: [{ role: "user", content: "hi" }] });
let streamed = "";
runner.on("content", (delta) => { streamed += delta; });
assert.equal(await runner.finalContent(), "1 turns, 0 pictures: hi");
assert.equal(streamed, "1 turns, 0 pictures: hi");
assert.equal((await runner.totalUsage()).total_tokens, 10);

// Tools that the library runs, streamed and not, until the model answers in words.
for (const stream of [false, true]) {
  const asked = [];
  const run = client.chat.completions.runTools({ model, stream, messages: [{ role: "user", content: "the weather?" }], tools: [
    { type: "function", function: { name: "weather", parameters, parse: JSON.parse, function: (args) => { asked.push(args); return "sunny"; } } },
  ] });
  assert.equal(await run.finalContent(), "3 turns, 0 pictures: sunny");
  assert.deepEqual(asked, [{ city: "Bern" }]);
}

// Sessions by user: the gateway has the history.
for (const [said, turns] of [["one", 1], ["two", 3]]) {
  const a = await client.chat.completions.create({ model, user: "node", messages: [{ role: "user", content: said }] });
  assert.equal(a.choices[0].message.content, `${turns} turns, 0 pictures: ${said}`);
}

// Vectors, which the library asks for in base64, and as numbers.
for (const encoding_format of [undefined, "float"]) {
  const list = await client.embeddings.create({ model: "model/small", input: ["a", "bbb"], encoding_format });
  assert.deepEqual(list.data.map((d) => Array.from(d.embedding)), [[1, 0.5], [3, 0.5]]);
}

// Structured output, which the library reads.
const schema = { type: "object", properties: { name: { type: "string" }, stop: { type: "string" } }, required: ["name", "stop"], additionalProperties: false };
const structured = await client.chat.completions.parse({ model, stop: ["A", "B"], messages: [{ role: "user", content: "hi" }],
  response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema } } });
assert.equal(structured.choices[0].message.content, '{"name":"answer","stop":"A|B"}');
const structured2 = await client.responses.create({ model, input: "hi", text: { format: { type: "json_schema", name: "answer", strict: true, schema } } });
assert.equal(structured2.output_text, '{"name":"answer","stop":""}');
await assert.rejects(client.chat.completions.create({ model, n: 2, messages: [{ role: "user", content: "hi" }] }), { status: 400, param: "n" });

// Streamed calls of tools by the newer API.
const calling = client.responses.stream({ model, input: "the weather?", tools: [{ type: "function", name: "weather", parameters, strict: false }] });
let args = "";
calling.on("response.function_call_arguments.delta", (e) => { args += e.delta; });
const called = await calling.finalResponse();
assert.equal(called.output[0].name, "weather");
assert.equal(called.output[0].arguments, '{"city":"Bern"}');
assert.equal(args, '{"city":"Bern"}');

// Responses: whole, streamed, with tools, going on.
const first = await client.responses.create({ model, input: "hi", instructions: "Be kind." });
assert.equal(first.output_text, "1 turns, 0 pictures: hi");
const next = client.responses.stream({ model, input: "more", previous_response_id: first.id });
let said = "";
next.on("response.output_text.delta", (e) => { said += e.delta; });
assert.equal((await next.finalResponse()).output_text, "3 turns, 0 pictures: more");
assert.equal(said, "3 turns, 0 pictures: more");
const call = await client.responses.create({ model, input: "the weather?", tools: [{ type: "function", name: "weather", parameters, strict: false }] });
assert.equal(call.output[0].type, "function_call");
const done = await client.responses.create({ model, previous_response_id: call.id,
  input: [{ type: "function_call_output", call_id: call.output[0].call_id, output: "sunny" }] });
assert.equal(done.output_text, "3 turns, 0 pictures: sunny");

// Errors are the library's own.
await assert.rejects(client.chat.completions.create({ model: "none/such", messages: [{ role: "user", content: "x" }] }), OpenAI.NotFoundError);
await assert.rejects(client.chat.completions.create({ model, messages: [] }), OpenAI.BadRequestError);
await assert.rejects(new OpenAI({ baseURL, apiKey: "wrong" }).models.list(), OpenAI.AuthenticationError);
console.log("all is as the library expects");
