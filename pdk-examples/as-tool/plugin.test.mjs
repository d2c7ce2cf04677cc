import assert from "node:assert/strict";
import { test } from "node:test";
import { host } from "carapace-as/test";

const plugin = await host(import.meta.url);

for (const [args, sides] of [
  [{}, 6],
  [{ sides: 2 }, 2],
  [{ sides: 20 }, 20],
]) {
  test(`a die of ${sides} sides shows all of them`, () => {
    const seen = new Set();
    for (let roll = 0; roll < 1000; roll++) {
      seen.add(plugin.call("tool_invoke", { name: "roll", args }).content[0].text);
    }
    assert.deepEqual(
      [...seen].map(Number).sort((a, b) => a - b),
      Array.from({ length: sides }, (_, n) => n + 1),
    );
  });
}
