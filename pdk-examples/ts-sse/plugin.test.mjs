import assert from "node:assert/strict";
import { test } from "node:test";
import { host, replay } from "carapace/test";

const token = "toy-token";
const config = { url: "http://toy" };

test("the stream is opened from where the state is, and each of its events is the new state", async () => {
  const { plugin } = await host(import.meta.url);
  const opens = (state) => plugin.channelEvent({ kind: "start", config, state }).open[0];
  const hears = (message) => plugin.channelEvent({ kind: "message", config, message: { connection: "feed", ...message } });
  assert.equal(opens(undefined).url, "http://toy/events");
  assert.equal(opens(undefined).headers.length, 1);
  assert.deepEqual(opens("7").headers[1], { name: "Last-Event-ID", value: "7" });

  const said = hears({ id: "8", text: '{"room":"r1","from":"ann","text":"hello, @bot"}' });
  assert.equal(said.state, "8");
  assert.deepEqual(
    said.messages.map(({ id, conversation, mentioned }) => [id, conversation.id, mentioned]),
    [["8", "r1", true]],
  );
  const moved = hears({ id: "9", event: "moved", text: '{"from":"r1","to":"r2"}' });
  assert.deepEqual(moved, { state: "9", moved: [{ from: "r1", to: { kind: "group", id: "r2" } }] });
  assert.deepEqual(hears({ id: "10", text: "what?" }), { state: "10" });
});

test("a repeated message is posted once, and one to a room that has moved not at all", async () => {
  const posts = new Map();
  let movedTo;
  const http = ({ headers, text }) => {
    if (headers.authorization !== `Bearer ${token}`) return { status: 401 };
    if (movedTo) return { status: 410, json: { to: movedTo } };
    const { key, ...post } = JSON.parse(text);
    posts.set(key, post);
    return { json: posts.size };
  };
  const gateway = await host(import.meta.url, { http, credentials: { token } });
  const send = () => gateway.plugin.channelSend({ config, to: { id: "r1" }, text: "hi", idempotencyKey: "k1" });
  movedTo = "r2";
  assert.deepEqual(send(), { moved: { kind: "group", id: "r2" } });
  movedTo = undefined;
  assert.deepEqual(send(), { ids: ["1"] });
  assert.deepEqual(send(), { ids: ["1"] });
  assert.deepEqual([...posts.values()], [{ room: "r1", text: "hi" }]);
  gateway.credentials.token = "stolen";
  assert.throws(send, { code: "unavailable" });
});

replay(import.meta.url);
