import assert from "node:assert/strict";
import { test } from "node:test";
import { host, replay } from "carapace/test";

const config = { url: "wss://chat.example.org" };

test("a conversation, as the kernel plays it: open, sign in, hear, say, confirm, and the end", async () => {
  const { plugin } = await host(import.meta.url);
  let state;
  const event = (e) => {
    const answer = plugin.channelEvent({ config, state, ...e });
    state = answer.state ?? state;
    return answer;
  };
  const hears = (words) => event({ kind: "message", message: { connection: "hub", text: JSON.stringify(words) } });
  const says = ({ frames = [] }) => frames.map(({ text }) => JSON.parse(text));
  const send = () => plugin.channelSend({ config, state, to: { id: "r1" }, text: "hi", idempotencyKey: "k1" });

  assert.deepEqual(event({ kind: "start" }).open, [{ connection: "hub", transport: "websocket", url: config.url }]);
  assert.deepEqual(says(event({ kind: "opened" })), [{ token: "{{credential:token}}", after: 0 }]);
  assert.throws(send, { code: "unavailable" });
  hears({ welcome: true });
  const said = hears({ number: 1, room: "r1", from: "ann", text: "hello" });
  assert.deepEqual(said.messages[0].conversation, { kind: "group", id: "r1" });
  assert.deepEqual(says(said), [{ seen: 1 }]);
  assert.deepEqual(hears({ number: 1, from: "ann", text: "hello" }), {});
  assert.deepEqual(says(send()), [{ to: "r1", text: "hi", key: "k1" }]);
  assert.deepEqual(hears({ key: "k1", number: 5 }).confirmed, [{ token: "k1", ids: ["5"] }]);
  event({ kind: "closed", closed: { code: 1006, reason: "gone" } });
  assert.throws(send, { code: "unavailable" });
  assert.deepEqual(says(event({ kind: "opened" })), [{ token: "{{credential:token}}", after: 1 }]);
  assert.equal(event({ kind: "closed", closed: { code: 4001 } }).status.state, "needs_login");
});

replay(import.meta.url);
