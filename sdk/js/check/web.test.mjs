// What the prelude gives beside the language, where it can be beside node's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inside, start } from "./start.mjs";

const instance = await start("");

/** A function gives the same in an instance as here. */
function same(f, ...args) {
  const text = args.map((arg) => JSON.stringify(arg)).join();
  assert.deepEqual(instance.evaluate(`(${f})(${text})`), JSON.parse(JSON.stringify(f(...args))), text);
}

test("console", async () => {
  const plugin = await start(`toolInvoke() {
    console.log("%s is %d and %i, %f%%, %j %o %c.", "x", "7", "7.9", "1.5", { a: [1] }, "q", "color: red", "more", { b: 1 });
    console.log("%s %s", "one");
    console.debug({ a: undefined, n: null, big: 1n, map: new Map([["k", 1]]), set: new Set([2]), bytes: new Uint8Array([1]), f() {} });
    const cycle = { name: "c" }; cycle.self = cycle; const twice = { n: 1 };
    console.info(cycle, [twice, twice], undefined, null, Symbol("s"), () => {}, 5n, -0, NaN);
    console.warn(new TypeError("wrong"));
    console.error({ error: new Error("inner") });
    console.assert(true, "no"); console.assert(false, "yes", 1);
    console.count(); console.count(); console.countReset(); console.count();
    console.time("t"); console.timeEnd("t"); console.group("g"); console.groupEnd();
    console.trace("here");
    console.log({ get bad() { throw new Error("getter"); } });
    console.log();
  }`);
  assert.deepEqual(plugin.call("tool_invoke", "{}"), { output: "{}" });
  const [first, ...rest] = plugin.logs;
  assert.deepEqual(first, ["info", 'x is 7 and 7, 1.5%, {"a":[1]} "q" . more {"b":1}']);
  assert.deepEqual(rest.slice(0, 3), [
    ["info", "one %s"],
    ["debug", '{"n":null,"big":"1n","map":{"k":1},"set":[2],"bytes":"AQ=="}'],
    [
      "info",
      '{"name":"c","self":"[circular]"} [{"n":1},{"n":1}] undefined null Symbol(s) [function (anonymous)] 5n 0 NaN',
    ],
  ]);
  assert.match(rest[3].join(), /^warn,TypeError: wrong\n    at toolInvoke/);
  assert.deepEqual(rest[4], ["error", '{"error":"Error: inner"}']);
  assert.deepEqual(
    rest.slice(5, 9).map(([, text]) => text),
    ["assertion failed yes 1", "default: 1", "default: 2", "default: 1"],
  );
  assert.match(rest[9][1], /^t: \d+\.\d ms$/);
  assert.match(rest[11].join(), /^debug,here\n    at/);
  assert.match(rest[12][1], /getter/);
  assert.equal(rest[13][1], "");
});

test("TextEncoder and TextDecoder", () => {
  for (const text of ["", "abc", "é🙂\u0000\uffff\ufeff", "\ud800x\udc00", "\udc00\ud800"]) {
    same((t) => [...new TextEncoder().encode(t)], text);
    same((t) => {
      const to = new Uint8Array(7);
      return [new TextEncoder().encodeInto(t, to), [...to]];
    }, text);
  }
  let seed = 3;
  const next = (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const some = [
    0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0x9f, 0xa0, 0xed, 0xef, 0xbb, 0xf0, 0x90, 0x8f, 0xf4,
    0xf5, 0xff, 0xe2, 0x82, 0xac,
  ];
  for (let n = 0; n < 2000; n++) {
    const bytes = Array.from({ length: next(9) }, () => some[next(some.length)]);
    same((b) => {
      const decoder = new TextDecoder();
      const streamed =
        b.map((one) => decoder.decode(new Uint8Array([one]), { stream: true })).join("") + decoder.decode();
      let fatal;
      try {
        fatal = new TextDecoder("utf8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(b));
      } catch (e) {
        fatal = e.name;
      }
      return [new TextDecoder().decode(new Uint8Array(b)), streamed, fatal];
    }, bytes);
  }
  same(
    () =>
      new TextDecoder().decode(new Uint16Array([0x4241]).buffer) +
      new TextDecoder("UTF-8 ").decode(new DataView(new ArrayBuffer(1))),
  );
  assert.equal(
    instance.evaluate(`(() => { try { new TextDecoder("latin1"); } catch (e) { return e.name; } })()`),
    "RangeError",
  );
  const big = instance.evaluate(
    `(() => { const t = "é".repeat(500000); return new TextDecoder().decode(new TextEncoder().encode(t)) === t; })()`,
  );
  assert.equal(big, true);
});

test("structuredClone", () => {
  same(() => {
    const shared = { n: 1 };
    const cycle = {
      list: [shared, shared],
      date: new Date(5),
      re: /a/gi,
      map: new Map([[shared, new Set([1])]]),
      bytes: new Uint8Array([1, 2]).subarray(1),
      no: undefined,
      boxed: Object("s"),
      big: [1n].length,
    };
    cycle.self = cycle;
    const made = structuredClone(cycle);
    const error = structuredClone(new RangeError("e", { cause: { c: 1 } }));
    return [
      made.self === made,
      made !== cycle,
      made.list[0] === made.list[1],
      made.list[0] !== shared,
      made.date.getTime(),
      String(made.re),
      [...made.map.keys()][0] === made.list[0],
      [...made.map.values()][0].has(1),
      made.bytes[0],
      made.bytes.buffer !== cycle.bytes.buffer,
      "no" in made,
      typeof made.boxed,
      error instanceof RangeError,
      error.message,
      error.cause,
      structuredClone([, 1]).length,
      structuredClone(new DataView(new ArrayBuffer(3), 1)).byteLength,
      structuredClone(
        new (class A {
          x = 1;
        })(),
      ).constructor === Object,
    ];
  });
  same(() =>
    [() => {}, Symbol("s"), { deep: [() => {}] }, new WeakMap(), Promise.resolve()].map((value) => {
      try {
        structuredClone(value);
        return "cloned";
      } catch (e) {
        return [e.name, e instanceof DOMException];
      }
    }),
  );
});

test("digests, HMAC and random numbers", async () => {
  const value = await inside(`
    const text = (t) => new TextEncoder().encode(t);
    const hex = (buffer) => new Uint8Array(buffer).toHex();
    const key = await crypto.subtle.importKey("raw", text("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    const signature = await crypto.subtle.sign("HMAC", key, text("what do ya want for nothing?"));
    const refused = async (f) => { try { await f(); return "done"; } catch (e) { return e.name; } };
    const signOnly = await crypto.subtle.importKey("raw", text("k"), { name: "hmac", hash: { name: "sha-512" } }, true, ["sign"]);
    const array = crypto.getRandomValues(new Uint32Array(8));
    return {
      sha1: hex(await crypto.subtle.digest("SHA-1", text("abc"))),
      sha256: hex(await crypto.subtle.digest({ name: "sha-256" }, text("").buffer)),
      sha512: (await crypto.subtle.digest("SHA-512", text("abc"))).byteLength,
      hmac: hex(signature),
      verified: [await crypto.subtle.verify("HMAC", key, signature, text("what do ya want for nothing?")), await crypto.subtle.verify("HMAC", key, signature, text("else")),
        await crypto.subtle.verify("HMAC", key, signature.slice(1), text("what do ya want for nothing?"))],
      key: [signOnly.algorithm.hash.name, signOnly.extractable, JSON.stringify(key).includes("Jefe")],
      refused: [await refused(() => crypto.subtle.digest("MD5", text(""))), await refused(() => crypto.subtle.sign("RSA", key, text(""))), await refused(() => crypto.subtle.verify("HMAC", signOnly, signature, text(""))),
        await refused(() => crypto.subtle.sign("HMAC", { usages: ["sign"] }, text(""))), await refused(() => crypto.subtle.importKey("jwk", {}, "HMAC", false, ["sign"])), await refused(() => crypto.subtle.digest("SHA-1", "text")),
        await refused(() => crypto.getRandomValues(new Float64Array(1))), await refused(() => crypto.getRandomValues(new Uint8Array(65537)))],
      uuids: new Set(Array.from({ length: 50 }, () => crypto.randomUUID())).size, uuid: crypto.randomUUID(),
      random: [array.length, array.some((n) => n > 65536), crypto.getRandomValues(new Uint8Array()).length],
    };
  `);
  assert.equal(value.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(value.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(value.sha512, 64);
  assert.equal(value.hmac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"); // RFC 4231, case 2
  assert.deepEqual(value.verified, [true, false, false]);
  assert.deepEqual(value.key, ["SHA-512", true, false]);
  assert.deepEqual(value.refused, [
    "NotSupportedError",
    "NotSupportedError",
    "InvalidAccessError",
    "InvalidAccessError",
    "NotSupportedError",
    "TypeError",
    "TypeMismatchError",
    "QuotaExceededError",
  ]);
  assert.equal(value.uuids, 50);
  assert.match(value.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(value.random, [8, true, 0]);
});

test("Math.random is spread evenly, and does not begin anew", async () => {
  const plugin = await start("toolInvoke: () => ({ list: Array.from({ length: 2000 }, Math.random) })");
  const draw = () => JSON.parse(plugin.call("tool_invoke", "{}").output).list;
  const first = draw();
  assert.ok(first.every((n) => n >= 0 && n < 1));
  assert.ok(Math.abs(first.reduce((sum, n) => sum + n, 0) / first.length - 0.5) < 0.05);
  assert.equal(new Set([...first, ...draw()]).size, 4000);
});

test("fetch is a request of the contract", async () => {
  const asked = [];
  const value = await inside(
    `
    const form = new FormData();
    form.append("a", "1");
    form.append("file", new Blob(["é"], { type: "Text/Plain" }), "n.txt");
    const responses = [
      await fetch("https://h.example/bot{{credential:token}}/x?y#frag"),
      await fetch(new URL("https://h.example/p"), { method: "post", headers: { Authorization: "Bearer {{credential:key}}", "x-a": " 1 " }, body: JSON.stringify({ a: 1 }), fill: true }),
      await fetch(new Request("https://h.example/q", { method: "PUT", body: new URLSearchParams({ a: "b c" }) })),
      await fetch("https://h.example/r", { method: "PATCH", body: new Uint8Array([0, 255]), headers: [["content-type", "application/x"]] }),
      await fetch("https://h.example/s", { method: "POST", body: form, signal: AbortSignal.timeout(5000) }),
    ];
    return Promise.all(responses.map(async (r) => [r.status, r.ok, r.url, r.headers.get("X-One"), await r.clone().text(), await r.text(), r.bodyUsed]));
  `,
    (name, param) => {
      asked.push([name, param]);
      return {
        status: 203,
        text: "body",
        headers: [
          { name: "X-One", value: "1" },
          { name: "x-one", value: "2" },
        ],
      };
    },
  );
  assert.deepEqual(value[0], [
    203,
    true,
    "https://h.example/bot{{credential:token}}/x?y#frag",
    "1, 2",
    "body",
    "body",
    true,
  ]);
  assert.ok(asked.every(([name]) => name === "http_request"));
  const [plain, json, params, bytes, form] = asked.map(([, param]) => param);
  assert.deepEqual(plain, { method: "GET", url: "https://h.example/bot{{credential:token}}/x?y", headers: [] });
  assert.deepEqual(json, {
    method: "POST",
    url: "https://h.example/p",
    text: '{"a":1}',
    fill: true,
    headers: [
      { name: "authorization", value: "Bearer {{credential:key}}" },
      { name: "content-type", value: "text/plain;charset=UTF-8" },
      { name: "x-a", value: "1" },
    ],
  });
  assert.deepEqual(params, {
    method: "PUT",
    url: "https://h.example/q",
    text: "a=b+c",
    headers: [{ name: "content-type", value: "application/x-www-form-urlencoded;charset=UTF-8" }],
  });
  assert.deepEqual(bytes, {
    method: "PATCH",
    url: "https://h.example/r",
    bytes: "AP8=",
    headers: [{ name: "content-type", value: "application/x" }],
  });
  assert.ok(form.timeout > 4000 && form.timeout <= 5000);
  assert.deepEqual(form.parts, [
    { name: "a", text: "1" },
    { name: "file", bytes: "w6k=", fileName: "n.txt", contentType: "text/plain" },
  ]);
});

test("what fetch refuses, and how it fails", async () => {
  const fails = {
    "https://h/forbidden": { code: "forbidden", message: "not permitted" },
    "https://h/slow": { code: "timeout", message: "no answer came", retryable: true },
  };
  const call = (_, { url }) => {
    if (url === "https://h/none")
      return { status: 0, error: { code: "unavailable", message: "it broke", retryable: true } };
    if (url === "https://h/zero") return {};
    if (url === "https://h/big") return { status: 200, media: "m1" };
    if (url === "https://h/bytes") return { status: 200, bytes: "/0E=" };
    if (fails[url]) throw Object.assign(new Error(fails[url].message), fails[url]);
    return { status: 404, text: "{" };
  };
  const value = await inside(
    `
    const name = async (f) => { try { return await f(); } catch (e) { return [e.name, e.code, e.retryable, e instanceof __carapace.PluginError]; } };
    const controller = new AbortController(); controller.abort();
    const used = await fetch("https://h/x"); await used.text();
    return {
      none: await name(() => fetch("https://h/none")), zero: await name(() => fetch("https://h/zero")), forbidden: await name(() => fetch("https://h/forbidden")),
      slow: await name(() => fetch("https://h/slow")), late: await name(() => fetch("https://h/slow", { signal: AbortSignal.timeout(50) })),
      aborted: await name(() => fetch("https://h/x", { signal: controller.signal })), why: await name(() => fetch("https://h/x", { signal: AbortSignal.abort(new RangeError("mine")) })),
      any: await name(() => fetch("https://h/x", { signal: AbortSignal.any([new AbortController().signal, controller.signal]) })),
      big: [(await fetch("https://h/big")).media, await name(async () => (await fetch("https://h/big")).text())],
      bytes: [await (await fetch("https://h/bytes")).text(), new Uint8Array(await (await fetch("https://h/bytes")).arrayBuffer()).toHex(), (await (await fetch("https://h/x")).blob()).size],
      ok: (await fetch("https://h/x")).ok, json: await name(async () => (await fetch("https://h/x")).json()), twice: await name(() => used.text()), cloned: await name(() => used.clone()),
      bad: [await name(() => fetch("/relative")), await name(() => fetch("ftp://h/")), await name(() => fetch("https://h/", { body: "x" })), await name(() => fetch("https://h/", { headers: { "a b": "1" } })),
        await name(() => fetch("https://h/", { headers: { a: "1\\r\\nb: 2" } })), await name(() => fetch("https://h/", { method: "GE T" }))],
      made: [await Response.json({ a: 1 }).json(), Response.json(1).headers.get("content-type"), new Response("x", { status: 404 }).ok, await new Response().text(), Response.error().status, await name(() => new Response("", { status: 99 }))],
    };
  `,
    call,
  );
  assert.deepEqual(value.none, ["PluginError", "unavailable", true, true]);
  assert.deepEqual(value.zero, ["PluginError", "unavailable", false, true]);
  assert.deepEqual(value.forbidden, ["PluginError", "forbidden", false, true]);
  assert.deepEqual(value.slow, ["PluginError", "timeout", true, true]);
  assert.equal(value.late[0], "TimeoutError");
  assert.equal(value.aborted[0], "AbortError");
  assert.equal(value.why[0], "RangeError");
  assert.equal(value.any[0], "AbortError");
  assert.deepEqual(value.big, ["m1", ["PluginError", "too_large", false, true]]);
  assert.deepEqual(value.bytes, ["\ufffdA", "ff41", 1]);
  assert.equal(value.ok, false);
  assert.equal(value.json[0], "SyntaxError");
  assert.deepEqual([value.twice[0], value.cloned[0]], ["TypeError", "TypeError"]);
  assert.deepEqual(
    value.bad.map(([name]) => name),
    Array(6).fill("TypeError"),
  );
  assert.deepEqual(value.made, [{ a: 1 }, "application/json", false, "", 0, ["RangeError", null, null, false]]);
});

test("Headers, FormData and Blob", async () => {
  same(() => {
    const h = new Headers({ "X-B": "1", a: "2" });
    h.append("x-b", "3");
    h.append("Set-Cookie", "a=1");
    h.append("Set-Cookie", "b=2");
    h.set("A", " 4\t");
    h.delete("none");
    const f = new FormData();
    f.append("x", 1);
    f.append("y", "2");
    f.append("x", "3");
    f.set("x", "4");
    f.delete("y");
    const seen = [];
    h.forEach((value, name) => seen.push(name + value));
    return [
      [...h],
      h.get("X-b"),
      h.get("none"),
      h.has("SET-cookie"),
      h.getSetCookie(),
      [...h.keys()],
      [...new Headers(h)],
      seen,
      [...f],
      f.get("x"),
      f.get("y"),
      f.getAll("x"),
      f.has("x"),
    ];
  });
  const blob = async () => {
    const b = new Blob(["a", new Uint8Array([98]), new Blob(["c"]), "é"], { type: "X/Y" });
    const f = new File([b], "n", { lastModified: 1 });
    return [
      b.size,
      b.type,
      await b.text(),
      await b.slice(1, 3).text(),
      await b.slice(-2).text(),
      new Uint8Array(await b.arrayBuffer()).length,
      f.name,
      f.lastModified,
      f.type,
      f instanceof Blob,
    ];
  };
  assert.deepEqual(await inside(`return (${blob})();`), await blob());
});

test("AbortSignal tells who listens", async () => {
  const value = await inside(`
    const seen = [];
    const controller = new AbortController();
    const gone = () => seen.push("gone");
    controller.signal.addEventListener("abort", (event) => seen.push(event.type, event.target === controller.signal));
    controller.signal.addEventListener("abort", gone);
    controller.signal.removeEventListener("abort", gone);
    controller.signal.addEventListener("abort", { handleEvent: () => seen.push("object") }, { once: true });
    controller.signal.onabort = () => seen.push("on");
    AbortSignal.any([controller.signal]).addEventListener("abort", () => seen.push("any"));
    controller.abort("why");
    controller.abort("again");
    seen.push(controller.signal.reason, controller.signal.aborted);
    await new Promise((resolve) => AbortSignal.timeout(20).addEventListener("abort", resolve));
    try { new AbortSignal(); } catch (e) { seen.push(e.name); }
    return seen;
  `);
  assert.deepEqual(value, ["on", "abort", true, "object", "any", "why", true, "TypeError"]);
});
