import assert from "node:assert/strict";
import { test } from "node:test";
import { host, replay } from "carapace/test";

const key = "toy-key";

/** The model server: it says again what it is told. */
function model({ headers, text }) {
  if (headers.authorization !== `Bearer ${key}`) return { status: 401 };
  const words = JSON.parse(text).text.split(" ");
  const events = [...words.map((word) => ({ text: `${word} ` })), { words: words.length }];
  return { text: events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("") };
}

/** Has a chat answered as the kernel would: plan, request, pieces. */
async function ask(text, credential) {
  const gateway = await host(import.meta.url, { http: model, credentials: { key: credential } });
  const chat = { model: "echo", config: { url: "http://toy" }, turns: [{ role: "user", content: [{ text }] }] };
  const response = gateway.do(gateway.plugin.providerRequest(chat).request);
  const data = response.text
    .split("\n\n")
    .filter(Boolean)
    .map((event) => ({ kind: "data", data: event.replace("data: ", "") }));
  const events = [{ kind: "head", status: response.status }, ...data];
  const pieces = events.map((event) => gateway.plugin.providerChunk({ events: [event] })); // one by one, as they come from a slow server
  return { pieces, whole: gateway.plugin.providerChunk({ events }) }; // and all at once
}

test("the model's answer arrives, in pieces or at once", async () => {
  const { pieces, whole } = await ask('say "it" again', key);
  const heard = (answers) => answers.flatMap(({ deltas = [] }) => deltas.map((delta) => delta.text)).join("");
  assert.equal(heard(pieces), 'say "it" again ');
  assert.equal(heard([whole]), 'say "it" again ');
  assert.deepEqual(whole.usage, { input: 3, output: 3 });
});

test("a wrong key is told as one", async () => {
  assert.equal((await ask("hello", "stolen")).whole.error.code, "unauthorized");
});

replay(import.meta.url);
