// URL and URLSearchParams beside node's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./start.mjs";

const instance = await start("");

const look = (url, base) => {
  try {
    const u = new URL(url, base ?? undefined);
    return [
      u.href,
      u.origin,
      u.protocol,
      u.username,
      u.password,
      u.host,
      u.hostname,
      u.port,
      u.pathname,
      u.search,
      u.hash,
      [...u.searchParams],
    ];
  } catch (e) {
    return e.name;
  }
};

/** What a function gives in an instance, and what here. */
function both(f, ...args) {
  const text = args.map((arg) => JSON.stringify(arg)).join();
  return [instance.evaluate(`(${f})(${text})`), JSON.parse(JSON.stringify(f(...args)))];
}

function same(f, ...args) {
  const [inside, here] = both(f, ...args);
  assert.deepEqual(inside, here, JSON.stringify(args));
}

/** Numbers that are the same in each run. */
function numbers(seed) {
  return (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
}

const bases = [null, null, "http://h.example/a/b/c?q#f", "https://u:p@h:8443/x/", "foo://h/x/y", "mailto:me"];

test("URLs that are known to be hard", () => {
  for (const url of [
    "",
    "?q",
    "#f",
    "//h/p",
    "http:x",
    "http:/x",
    "http:///x",
    "http:\\\\x\\y",
    "http://x/%7B{",
    "http://h/a/../../b/./c/",
    "http://u@/x",
    "http://@h/",
    "http://:p@h/",
    "http://h:/",
    "http://h:x/",
    "HTTP://H/",
    "http://xn--e1aybc/",
    "http://a%41b/",
    "http://a%00b/",
    "http://a b/",
    "https://x:443/",
    "http://x:080/",
    "http://x:65536/",
    "http://[::ffff:1.2.3.4]/",
    "http://[::1.2.3]/",
    "http://[::01.2.3.4]/",
    "http://[1::2:3:4:5:6:7:8]/",
    "http://[1:2:3:4:5:6:7]/",
    "http://[1:2:3:4:5:6:7:8:9]/",
    "http://[:::]/",
    "http://[::1%25eth]/",
    "http://[::]:80/",
    "http://[0:0:1:0:0:0:1:0]/",
    "http://[::1/",
    "http://1.2.3.4.5/",
    "http://a.b.0x",
    "http://4294967295/",
    "http://4294967296/",
    "http://0xffffffff",
    "http://1.256/",
    "http://1.65536/",
    "http://09/",
    "http://a.09/",
    "http://0x7f.1",
    "http://127.1.",
    "http://1..2",
    "http://..",
    "data:text/plain,hi there#x y",
    "javascript:1",
    "foo:/a/../b",
    "foo:///p",
    "foo://h:80/?q",
    "tcp://h:6667",
    "tls://irc.example:6697/x?y",
    "wss://h:443/s?a=b'c",
    "http://h/\u00e9?\u00e9#\u00e9",
    "http://h/%zz?%zz#%zz",
    "http://h/?a'b",
    "foo://h/?a'b",
    " http://h/a\tb\nc ",
    'http://h/a|b`c"d<e>f',
    "http://h?a=b&c=d+e%20f&g",
  ])
    for (const base of bases) same(look, url, base);
});

test("URLs that are made up", () => {
  const next = numbers(7);
  const atoms = [
    "http://",
    "https:",
    "//",
    "/",
    "\\",
    "a",
    "b.c",
    "..",
    ".",
    "%2e",
    "%2E.",
    "?",
    "#",
    "@",
    ":",
    "80",
    "443",
    "8080",
    "99999",
    "[::1]",
    "[1:2::3]",
    "127.1",
    "0x7f",
    "010",
    "user",
    "pass",
    " ",
    "\t",
    "{x}",
    "%zz",
    "%41",
    "'",
    '"',
    "<",
    "|",
    "`",
    "~",
    "&",
    "=",
    "+",
    "ws:",
    "foo:",
    "mailto:x",
    "EXAMPLE.org",
    "256",
    "1.2.3",
    "&a=b",
  ];
  for (let n = 0; n < 4000; n++) {
    let url = n % 2 ? "" : "http://h";
    for (let k = 1 + next(8); k > 0; k--) url += atoms[next(atoms.length)];
    same(look, url, bases[next(bases.length)]);
  }
});

test("a host beyond ASCII is refused, and says how it is written", () => {
  assert.match(
    instance.evaluate(
      `(() => { try { return new URL("https://b\u00fccher.example/").href; } catch (e) { return e.message; } })()`,
    ),
    /punycode/,
  );
  assert.equal(instance.evaluate(`new URL("https://xn--bcher-kva.example/").host`), "xn--bcher-kva.example");
});

test("parts that are set", () => {
  const set = (url, name, value) => {
    const u = new URL(url);
    u[name] = value;
    return [u.href, u.search, [...u.searchParams]];
  };
  const values = {
    protocol: ["https", "https:", "foo", "http:x", ""],
    username: ["a b", ""],
    password: ["p:@", ""],
    host: ["x.example", "x:81", "x:443", "", "a b", "[::1]:9", "x/y"],
    hostname: ["y", "y:1", "127.1", ""],
    port: ["81", "80", "443", "", "x", "8a", "65536"],
    pathname: ["/a b/../c", "x", "", "a?b#c", "\\x"],
    search: ["?a=b", "a'b", "", "?"],
    hash: ["#x y", "x", ""],
    href: ["http://other/?z"],
  };
  for (const url of ["http://u:p@h.example:8080/x?q=1#f", "https://h/", "foo://h/x", "mailto:me"]) {
    for (const [name, list] of Object.entries(values))
      for (const value of list) {
        if (url.startsWith("foo") && ["host", "hostname"].includes(name) && value === "") continue; // an empty host: not there
        same(set, url, name, value);
      }
  }
});

test("parameters follow the URL, and it them", () => {
  same(() => {
    const u = new URL("http://h/?a=1&b=2&a=3#f");
    const seen = [];
    u.searchParams.append("c", "x y&z=\u00e9");
    seen.push(u.href);
    u.searchParams.set("a", "9");
    u.searchParams.delete("b");
    seen.push(u.href, u.searchParams.size);
    const p = u.searchParams;
    u.search = "?n=1";
    seen.push([...p], p === u.searchParams);
    p.delete("n");
    seen.push(u.href, JSON.stringify({ u }));
    return seen;
  });
});

test("URLSearchParams", () => {
  same(() => {
    const of = (init) => String(new URLSearchParams(init));
    const p = new URLSearchParams("?b=2&a=1&b=1&=&c&%zz=%41+%2B");
    const seen = [
      of("a=b"),
      of({ x: "1 2", y: "~*-._!'()" }),
      of([
        ["k", "v"],
        ["k", "\ud800"],
      ]),
      of(new URLSearchParams("q=1")),
      of(new Map([["m", "n"]])),
      of("%F0%9F%99%82=%ff"),
    ];
    seen.push(
      [...p],
      p.get("b"),
      p.get("no"),
      p.getAll("b"),
      p.has("b", "1"),
      p.has("b", "3"),
      p.size,
      [...p.keys()],
      [...p.values()],
    );
    p.sort();
    p.delete("b", "2");
    p.set("a", "x");
    p.forEach((value, name) => seen.push(name + value));
    return [...seen, p.toString()];
  });
  same(() => {
    try {
      return new URLSearchParams([["one"]]);
    } catch (e) {
      return e.name;
    }
  });
});

test("canParse and parse", () => {
  same(() => [URL.canParse("http://h"), URL.canParse("h"), URL.canParse("x", "http://h"), URL.canParse("http://[")]);
  assert.deepEqual(instance.evaluate(`[URL.parse("h"), URL.parse("x", "http://h").href]`), [null, "http://h/x"]);
});
