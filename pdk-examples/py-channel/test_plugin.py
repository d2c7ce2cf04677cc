import json
import unittest
from urllib.parse import parse_qs, urlsplit

import plugin
from carapace import PluginError
from carapace.testing import Host, replay

TOKEN = "toy-token"
CONFIG = {"url": "http://toy"}


class Server:
    """The chat server, with what people have said."""

    def __init__(self, *said):
        self.log = [{"number": n, "from": who, "text": text} for n, (who, text) in enumerate(said, 1)]
        self.posts = {}

    def __call__(self, request):
        if request["headers"]["authorization"] != f"Bearer {TOKEN}":
            return {"status": 401}
        if request["method"] == "GET":
            after = int(parse_qs(urlsplit(request["url"]).query)["after"][0])
            return {"json": [item for item in self.log if item["number"] > after]}
        post = json.loads(request["text"])
        number = len(self.log) + len(self.posts) + 1
        return {"json": self.posts.setdefault(post["key"], {**post, "number": number})["number"]}


class Channel(unittest.TestCase):
    def test_a_conversation_as_the_kernel_plays_it(self):
        server = Server(("ann", "hello"), ("bob", '"hi"'))
        host = Host(plugin, credentials={"token": TOKEN}, http=server)
        start = host.channel_event({"kind": "start", "config": CONFIG})
        response = host.do(start.requests[0])
        answer = host.channel_event({"kind": "response", "config": CONFIG, "state": start.state, "response": response})
        self.assertEqual(
            [(m.id, m.conversation.id, m.text) for m in answer.messages], [("1", "ann", "hello"), ("2", "bob", '"hi"')]
        )
        self.assertEqual(answer.state, 2)
        self.assertEqual(answer.requests[0].url, "http://toy/messages?after=2")
        for _ in range(2):  # as after a crash: the same key makes one message
            sent = host.channel_send({"config": CONFIG, "to": {"id": "ann"}, "text": "yes?", "idempotencyKey": "k1"})
            self.assertEqual(sent.ids, ["3"])
        self.assertEqual([(p["to"], p["text"]) for p in server.posts.values()], [("ann", "yes?")])

    def test_a_wrong_token_waits_for_another(self):
        host = Host(plugin, credentials={"token": "stolen"}, http=Server())
        start = host.channel_event({"kind": "start", "config": CONFIG})
        answer = host.channel_event({"kind": "response", "config": CONFIG, "response": host.do(start.requests[0])})
        self.assertEqual((answer.status.state, answer.requests, answer.timers), ("needs_login", [], []))
        with self.assertRaises(PluginError) as raised:
            host.channel_send({"config": CONFIG, "to": {"id": "ann"}, "text": "yes?", "idempotencyKey": "k1"})
        self.assertEqual(raised.exception.code, "unauthorized")


Transcripts = replay(plugin)

if __name__ == "__main__":
    unittest.main()
