import assert from "node:assert/strict";
import { test } from "node:test";
import { host, replay } from "carapace/test";

const token = "toy-token";
const config = { url: "http://toy" };

/** The chat server, with what people have said. */
function server(...said) {
  const log = said.map(([from, text], at) => ({ number: at + 1, from, text }));
  const posts = new Map();
  const http = ({ method, url, headers, text }) => {
    if (headers.authorization !== `Bearer ${token}`) return { status: 401 };
    if (method === "GET") return { json: log.filter(({ number }) => number > new URL(url).searchParams.get("after")) };
    const post = JSON.parse(text);
    if (!posts.has(post.key)) posts.set(post.key, { ...post, number: log.length + posts.size + 1 });
    return { json: posts.get(post.key).number };
  };
  return { http, posts };
}

test("a conversation, as the kernel plays it: start, poll, response, poll again, send", async () => {
  const { http, posts } = server(["ann", "hello"], ["bob", '"hi"']);
  const gateway = await host(import.meta.url, { http, credentials: { token } });
  const start = gateway.plugin.channelEvent({ kind: "start", config });
  const response = gateway.do(start.requests[0]);
  const answer = gateway.plugin.channelEvent({ kind: "response", config, state: start.state, response });
  assert.deepEqual(
    answer.messages.map(({ id, conversation, text }) => [id, conversation.id, text]),
    [
      ["1", "ann", "hello"],
      ["2", "bob", '"hi"'],
    ],
  );
  assert.equal(answer.state, 2);
  assert.equal(answer.requests[0].url, "http://toy/messages?after=2");
  for (let attempt = 0; attempt < 2; attempt++) {
    // as after a crash: the same key makes one message
    const sent = gateway.plugin.channelSend({ config, to: { id: "ann" }, text: "yes?", idempotencyKey: "k1" });
    assert.deepEqual(sent.ids, ["3"]);
  }
  assert.deepEqual(
    [...posts.values()].map(({ to, text }) => [to, text]),
    [["ann", "yes?"]],
  );
});

test("a wrong token waits for another", async () => {
  const gateway = await host(import.meta.url, { ...server(), credentials: { token: "stolen" } });
  const start = gateway.plugin.channelEvent({ kind: "start", config });
  const answer = gateway.plugin.channelEvent({ kind: "response", config, response: gateway.do(start.requests[0]) });
  assert.deepEqual(Object.keys(answer), ["status"]);
  assert.equal(answer.status.state, "needs_login");
  assert.throws(() => gateway.plugin.channelSend({ config, to: { id: "ann" }, text: "yes?", idempotencyKey: "k1" }), {
    code: "unauthorized",
  });
});

replay(import.meta.url);
