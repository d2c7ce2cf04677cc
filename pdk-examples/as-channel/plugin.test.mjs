import assert from "node:assert/strict";
import { test } from "node:test";
import { host, replay } from "carapace-as/test";

test("a message is posted once for each key", async () => {
  const posted = new Map();
  const plugin = await host(import.meta.url, {
    http_request({ method, url, json }) {
      assert.equal(`${method} ${url}`, "POST http://toy/messages");
      const { to, text, key } = json;
      if (!posted.has(key)) posted.set(key, [to, text]);
      return { status: 200, text: String(posted.size) };
    },
  });
  const send = { config: { url: "http://toy" }, to: { id: "ann" }, text: 'yes? "no"', idempotencyKey: "k1" };
  for (let time = 0; time < 2; time++) assert.deepEqual(plugin.call("channel_send", send), { ids: ["1"] });
  assert.deepEqual([...posted.values()], [["ann", 'yes? "no"']]);
});

replay(import.meta.url);
