import assert from "node:assert/strict";
import { test } from "node:test";
import { host, replay } from "carapace/test";

const key = "toy-key";
const config = { url: "http://toy" };

/** The model server: it calls a tool, and goes on when what it has thought comes back with the result. */
function model({ headers, url, text }) {
  if (headers.authorization !== `Bearer ${key}`) return { status: 401 };
  const { pathname, search } = new URL(url);
  if (pathname === "/models") return { json: search === "?page=1" ? { models: ["sage"], next: 2 } : { models: ["measure"] } };
  const { turns, texts } = JSON.parse(text);
  if (pathname === "/vectors") return { json: { vectors: texts.map((one) => [one.length, 1]), read: texts.length } };
  if (turns.some(({ call, reasoning }) => call && reasoning !== "a secret")) return { status: 400 };
  const called = [{ thinking: "hm" }, { call: { id: "call-1", name: "roll", args: {} } }, { reasoning: "a secret" }, { stop: "call" }];
  const lines = turns.at(-1).role === "tool" ? [{ text: `it says ${turns.at(-1).text}` }, { stop: "end", read: 3, written: 2 }] : called;
  return { text: lines.map((line) => `${JSON.stringify(line)}\n`).join("") };
}

const gateway = (credential = key) => host(import.meta.url, { http: model, credentials: { key: credential } });

/** Has a chat answered as the kernel would: plan, request, pieces. */
function ask(toy, turns) {
  const { request } = toy.plugin.providerRequest({ model: "sage", config, turns, tools: [{ name: "roll" }] });
  const { status, text } = toy.do(request);
  const data = text.split("\n").filter(Boolean);
  return toy.plugin.providerChunk({ events: [{ kind: "head", status }, ...data.map((data) => ({ kind: "data", data }))] });
}

test("what the model has thought goes back to it with the tool's result", async () => {
  const toy = await gateway();
  const user = { role: "user", content: [{ text: "use roll" }] };
  const first = ask(toy, [user]);
  assert.deepEqual(first.deltas, [{ kind: "thinking", text: "hm" }]);
  assert.equal(first.stop, "tool_calls");
  const called = { role: "assistant", toolCalls: first.toolCalls, opaque: first.opaque };
  const result = { role: "tool", toolCallId: "call-1", content: [{ text: "4" }] };
  assert.deepEqual(ask(toy, [user, called, result]).deltas, [{ kind: "text", text: "it says 4" }]);
  assert.equal(ask(toy, [user, { ...called, opaque: undefined }, result]).error.code, "invalid");
  assert.equal(ask(await gateway("stolen"), [user]).error.code, "unauthorized");
});

test("the list of models is asked for until there is no further page", async () => {
  const toy = await gateway();
  const ids = [];
  let answer = toy.plugin.providerModels({ config });
  while (answer.request) {
    answer = toy.plugin.providerModels({ config, response: toy.do(answer.request) });
    ids.push(...answer.models.map(({ id }) => id));
  }
  assert.deepEqual(ids, ["sage", "measure"]);
});

test("a vector comes for each text", async () => {
  const toy = await gateway();
  const query = { model: "measure", config, texts: ["good morning", "x"] };
  const { request } = toy.plugin.providerEmbeddings(query);
  const { embeddings, usage } = toy.plugin.providerEmbeddings({ ...query, response: toy.do(request) });
  assert.deepEqual(
    embeddings.map(({ vector }) => Buffer.from(vector, "base64").readFloatLE()),
    [12, 1],
  );
  assert.equal(usage.input, 2);
});

replay(import.meta.url);
