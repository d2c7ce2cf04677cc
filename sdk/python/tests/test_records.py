import json
import unittest
from types import SimpleNamespace

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

        for function, want in (
            (lambda call: None, "+{}"),
            (lambda call: {"failed": True}, '+{"failed":true}'),
            (lambda call: 1, "-TypeError: tool_invoke returned int, and not ToolOutput"),
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


if __name__ == "__main__":
    unittest.main()
