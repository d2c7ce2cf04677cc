"""Does what a bot does on a Zulip server, with the vendor's client library. Each step fails unless the server answers with success."""

import io
import os

import zulip

client = zulip.Client(email=os.environ["EMAIL"], api_key=os.environ["KEY"], site=os.environ["SITE"], retry_on_errors=False)


def good(answer):
    assert answer["result"] == "success", answer
    return answer


me = good(client.get_profile())
assert me["full_name"] == "Carapace" and me["is_bot"], me
people = {who["full_name"]: who for who in good(client.get_members())["members"]}
channels = {c["name"]: c for c in good(client.get_streams())["streams"]}

queue = good(client.register(event_types=["message", "update_message", "reaction", "delete_message", "typing"], apply_markdown=False))
last = queue["last_event_id"]


def events(kind):
    """The events of a kind that have come since the last ones that were asked for."""
    global last
    found = []
    while not found:
        answer = good(client.get_events(queue_id=queue["queue_id"], last_event_id=last))
        last = max(e["id"] for e in answer["events"])
        found = [e for e in answer["events"] if e["type"] == kind]
    return found


sent = good(client.send_message({"type": "stream", "to": "kitchen", "topic": "tea", "content": "**hello**", "queue_id": queue["queue_id"], "local_id": "17.5"}))["id"]
told = events("message")[0]
assert told["message"]["id"] == sent and told["message"]["content"] == "**hello**" and told["local_message_id"] == "17.5", told
assert told["message"]["stream_id"] == channels["kitchen"]["stream_id"] and told["message"]["subject"] == "tea", told

good(client.update_message({"message_id": sent, "content": "hello all"}))
edit = events("update_message")[0]
assert edit["content"] == "hello all" and edit["orig_content"] == "**hello**", edit
good(client.add_reaction({"message_id": sent, "emoji_name": "thumbs_up"}))
again = client.add_reaction({"message_id": sent, "emoji_name": "thumbs_up"})
assert again["code"] == "REACTION_ALREADY_EXISTS", again
assert events("reaction")[0]["emoji_code"] == "1f44d"
good(client.remove_reaction({"message_id": sent, "emoji_name": "thumbs_up"}))

direct = good(client.send_message({"type": "direct", "to": [people["Ann"]["user_id"]], "content": "only you"}))["id"]
page = good(client.get_messages({"anchor": "newest", "num_before": 10, "num_after": 0, "narrow": [{"operator": "dm", "operand": [people["Ann"]["user_id"]]}], "apply_markdown": False}))
assert [m["id"] for m in page["messages"]] == [direct] and page["found_newest"], page
page = good(client.get_messages({"anchor": sent, "num_before": 0, "num_after": 10, "narrow": [["stream", "kitchen"], ["topic", "tea"]]}))
assert [m["content"] for m in page["messages"]] == ["hello all"], page
assert good(client.get_raw_message(sent))["raw_content"] == "hello all"

paper = io.BytesIO(b"PDF!")
paper.name = "paper.pdf"
assert good(client.upload_file(paper))["url"].startswith("/user_uploads/")
good(client.set_typing_status({"op": "start", "type": "direct", "to": [people["Ann"]["user_id"]]}))
good(client.set_typing_status({"op": "start", "type": "stream", "stream_id": channels["kitchen"]["stream_id"], "topic": "tea"}))
good(client.delete_message(sent))
assert events("delete_message")[0]["message_ids"] == [sent]

good(client.deregister(queue["queue_id"]))
gone = client.get_events(queue_id=queue["queue_id"], last_event_id=last)
assert gone["code"] == "BAD_EVENT_QUEUE_ID", gone
assert client.send_message({"type": "stream", "to": "nowhere", "topic": "x", "content": "x"})["code"] == "STREAM_DOES_NOT_EXIST"
wrong = zulip.Client(email=os.environ["EMAIL"], api_key="wrong", site=os.environ["SITE"], retry_on_errors=False)
assert wrong.get_profile()["code"] == "INVALID_API_KEY"

heard = []


class Enough(Exception):
    """Ends the library's own loop."""


def hear(message):
    heard.append(message["content"])
    client.send_message({"type": "direct", "to": [message["sender_id"]], "content": "I heard " + message["content"]})
    raise Enough


try:
    client.call_on_each_message(hear)
except Enough:
    print("heard", heard)
