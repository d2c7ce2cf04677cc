import json
import unittest
from types import SimpleNamespace

import carapace
from carapace import PluginError, _guest, _json, _records, contract, failed, text
from carapace.testing import Host


class Decoding(unittest.TestCase):
    def test_what_was_left_out_has_its_zero_value(self):
        call = _records.decode("ToolInvocation", {})
        self.assertEqual((call.name, call.args, call.context.agent, call.context.now), ("", None, "", 0))
        self.assertIsNone(call.context.channel)
        self.assertEqual(_records.decode("ChannelAnswer", {"messages": None}).messages, [])

    def test_base64_is_bytes(self):
        self.assertEqual(_records.decode("SocketData", {"bytes": "AP8="}).bytes, b"\x00\xff")
        self.assertEqual(_records.decode("SocketData", {}).bytes, b"")

    def test_a_hook_has_its_event(self):
        event = _records.decode("HookEvent", {"name": "message_sending", "event": {"text": "hi"}}).event
        self.assertEqual((event.text, event), ("hi", contract.MessageSending(**event.__dict__)))

    def test_fields_of_the_future_are_passed_over(self):
        self.assertEqual(_records.decode("Part", {"kind": "text", "surprise": [1]}).kind, "text")

    def test_what_is_of_another_type_is_refused_by_its_place(self):
        for value, want in (
            ([], "the input: expected an object"),
            ({"name": 1}, "name: expected a string"),
            ({"context": "x"}, "context: expected an object"),
            ({"context": {"now": "1"}}, "context.now: expected a number"),
            ({"context": {"now": 1.5}}, "context.now: expected a number"),
            ({"context": {"now": True}}, "context.now: expected a number"),
        ):
            with self.subTest(want), self.assertRaises(PluginError) as raised:
                _records.decode("ToolInvocation", value)
            self.assertEqual((raised.exception.code, str(raised.exception)), ("invalid", want))
        for value, want in (
            ({"content": {}}, "content: expected a list"),
            ({"content": [{}, 1]}, "content[1]: expected an object"),
        ):
            with self.subTest(want), self.assertRaises(PluginError) as raised:
                _records.decode("ToolAnswer", value)
            self.assertEqual(str(raised.exception), want)
        with self.assertRaises(PluginError):
            _records.decode("SocketData", {"bytes": "?"})


class Encoding(unittest.TestCase):
    def test_what_was_not_said_is_left_out(self):
        self.assertEqual(_records.encode(text("hi")), {"content": [{"kind": "text", "text": "hi"}]})
        self.assertEqual(_records.encode(failed(""))["failed"], True)
        self.assertEqual(_records.dumps({"b": b"\x00", "l": (1, None)}), '{"b":"AA==","l":[1,null]}')

    def test_what_no_json_says_is_refused(self):
        for value in (float("nan"), float("inf"), object(), {1, 2}):
            with self.subTest(value), self.assertRaises((TypeError, ValueError)):
                _records.dumps({"x": value})

    def test_fields_are_known(self):
        self.assertEqual(contract.AccountStatus(self=contract.Person(id="1")).self.id, "1")
        with self.assertRaisesRegex(TypeError, "Part has no field txt"):
            contract.Part(txt="")


class Names(unittest.TestCase):
    def test_each_record_and_enum_can_be_imported(self):
        self.assertGreater(len(dir(contract)), 150)
        for name in dir(contract):
            getattr(contract, name)
        self.assertIs(contract.Code, str)
        with self.assertRaises(AttributeError):
            contract.Nothing


class Calls(unittest.TestCase):
    def test_what_comes_of_a_call(self):
        def fails(call):
            raise PluginError("rate_limited", "later", retryable=True, retry_after=5)

        def wrong(call):
            return {}["key"]

        async def later(call):
            return {}

        def imports(call):
            import nowhere

        for function, want in (
            (lambda call: None, "+{}"),
            (lambda call: {"failed": True}, '+{"failed":true}'),
            (lambda call: 1, "-TypeError: tool_invoke returned int, and not ToolOutput"),
            (later, "-TypeError: tool_invoke is async, which a plugin's functions are not: what they call of the SDK waits"),
            (imports, "-ModuleNotFoundError: No module named 'nowhere': what a plugin imports is a file of its folder, the SDK or Python's own library"),
            (fails, "-later"),
            (wrong, "-KeyError: 'key'"),
        ):
            got = _guest.perform(SimpleNamespace(tool_invoke=function), "tool_invoke", "{}")
            if got.startswith("-"):
                error = json.loads(got[1:])
                self.assertIn("Traceback", error["stack"])
                got = "-" + error["message"]
            self.assertEqual(got, want)
        for export, input, code in (("hook_handle", "{}", "not_found"), ("", "{}", "not_found"), ("tool_invoke", "{", "invalid")):
            got = _guest.perform(SimpleNamespace(tool_invoke=lambda call: None), export, input)
            self.assertEqual(json.loads(got[1:])["code"], code)

    def test_json(self):
        for value in (None, True, 1, 1.5, "é\0\"\n", [], {"a": [{}]}, 10**30):
            self.assertEqual(_json.loads(f" {_json.dumps(value)}\n"), value)
        for wrong in ("", " ", "{", "1 2", "NaN", "[1,]", "'a'", '"\n"'):
            with self.subTest(wrong), self.assertRaises(ValueError):
                _json.loads(wrong)


class Gateway(unittest.TestCase):
    def test_what_a_plugin_reaches(self):
        import carapace

        def tool_invoke(call):
            carapace.kv.put("k", "v")
            carapace.log.warn("careful")
            carapace.progress("half")
            carapace.emit("done", {"n": 1})
            carapace.kv.delete("gone")
            with self.assertRaises(PluginError) as raised:
                carapace.media.stat("m1")
            self.assertEqual(raised.exception.code, "not_found")
            response = carapace.http.request({"url": "http://x/{{credential:key}}", "json": {"a": 1}})
            return text(",".join([response.text, *carapace.kv.keys(), carapace.config.get()["name"]]))

        asked = []
        host = Host(
            SimpleNamespace(tool_invoke=tool_invoke),
            kv={"gone": ""},
            config={"name": "n"},
            credentials={"key": "s"},
            http=lambda request: asked.append(request) or {"text": "answer"},
        )
        self.assertEqual(host.tool_invoke().content[0].text, "answer,k,n")
        self.assertEqual([(r["url"], r["text"]) for r in asked], [("http://x/s", '{"a": 1}')])
        self.assertEqual(host.log, [{"level": "warn", "message": "careful"}])
        self.assertEqual((host.progress, host.emitted), (["half"], [{"name": "done", "payload": {"n": 1}}]))
        with self.assertRaises(AttributeError):
            host.tool_call

    def reach(self, use, **has):
        """What a plugin finds that does this in a call, and the host afterwards."""
        found = []
        host = Host(SimpleNamespace(tool_invoke=lambda call: found.append(use(carapace))), **has)
        host.tool_invoke()
        return found[0], host

    def test_files_have_addresses(self):
        link, _ = self.reach(lambda c: c.media.link("m1"), media={"m1": {"mime": "image/png", "size": 3}})
        self.assertEqual(link, "https://gateway.test/media/m1")
        with self.assertRaises(PluginError) as raised:
            self.reach(lambda c: c.media.link("m2", 1000))
        self.assertEqual(raised.exception.code, "not_found")

    def test_the_host_signs(self):
        def sign(**signing):
            return self.reach(
                lambda c: c.credential.sign({"key": "k", "text": "what do ya want for nothing?", **signing}),
                credentials={"k": "Jefe"} if "keyEncoding" not in signing else {"k": "4a656665"},
            )[0]

        # RFC 4231, section 4.3.
        want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        self.assertEqual(sign().hex(), want)
        self.assertEqual(sign(keyEncoding="hex").hex(), want)
        self.assertEqual(len(sign(algorithm="hmac_sha512")), 64)
        with self.assertRaises(PluginError) as raised:
            sign(algorithm="ed25519")
        self.assertEqual(raised.exception.code, "forbidden")
        with self.assertRaises(PluginError) as raised:
            self.reach(lambda c: c.credential.sign({"key": "k", "text": ""}))
        self.assertEqual(raised.exception.code, "unauthorized")
        own, _ = self.reach(
            lambda c: c.credential.sign({"key": "k", "algorithm": "ed25519", "text": "t"}),
            credentials={"k": "PEM"},
            sign=lambda signing: signing["text"].encode() * 2,
        )
        self.assertEqual(own, b"tt")

    def test_credentials_are_filled_in_where_the_gateway_does_it(self):
        secret, asked = "{{credential:key}}", []
        request = {
            "url": f"http://a/{secret}?q={secret}",
            "headers": [{"name": "X", "value": secret + "{{credential:no name}}"}],
            "text": secret,
            "parts": [{"name": "p", "text": secret}],
            "basic": {"user": "ann", "password": "key"},
        }

        def ask(**more):
            host = Host(None, credentials={"key": "s3cret"}, http=lambda r: asked.append(r) or {"media": "m1"})
            self.assertEqual(host.do({**request, **more}).media, "m1")
            return asked[-1]

        plain, filled = ask(), ask(fill=True)
        self.assertEqual((plain["url"], plain["text"], plain["parts"][0]["text"]), (f"http://a/s3cret?q={secret}", secret, secret))
        self.assertEqual((filled["url"], filled["text"], filled["parts"][0]["text"]), ("http://a/s3cret?q=s3cret", "s3cret", "s3cret"))
        self.assertEqual(plain["headers"], {"x": "s3cret{{credential:no name}}", "authorization": "Basic YW5uOnMzY3JldA=="})
        for has, code in (({"http": lambda r: {}}, "unauthorized"), ({}, "forbidden")):
            with self.assertRaises(PluginError) as raised:
                Host(None, **has).do(request)
            self.assertEqual(raised.exception.code, code)

    def test_people_agents_sessions_and_tools(self):
        def use(c):
            for _ in range(2):  # the same key is the same message and run
                sent = c.message.send({"session": "main", "text": "hi", "idempotencyKey": "m"})
                run = c.agent.run({"message": "what?", "idempotencyKey": "a"})
            late = c.agent.run({"message": "and?", "idempotencyKey": "b"})
            page = c.session.find({"agent": "main", "limit": 1})
            read = c.session.read({"session": "s1", "before": 3, "limit": 1})
            tool = c.tools.invoke("add", {"a": 1})
            states = [c.agent.wait(r).state for r in (run, late)]
            return sent, c.agent.wait(run).text, states, page.more, page.sessions[0].session, read.messages[0].number, tool.content[0].text

        summary = {"agent": "main", "title": "", "updated": 1, "messages": 3}
        got, host = self.reach(
            use,
            answers={"a": "42"},
            sessions=[{**summary, "session": "s1"}, {**summary, "session": "s2"}],
            histories={"s1": [{"number": n, "role": "user", "text": str(n)} for n in (1, 2, 3)]},
            tools={"add": lambda args: text(str(args["a"] + 1))},
        )
        self.assertEqual(got, ("plugin:test:m", "42", ["done", "running"], True, "s1", 2, "2"))
        self.assertEqual((len(host.sent), len(host.runs)), (1, 2))
        for what in (lambda c: c.tools.invoke("none"), lambda c: c.agent.wait("x"), lambda c: c.session.read({"session": "x"})):
            with self.assertRaises(PluginError) as raised:
                self.reach(what)
            self.assertEqual(raised.exception.code, "not_found")


if __name__ == "__main__":
    unittest.main()
