"""A plugin that bridges a chat server by long poll. What the server understands stands in ../go-channel/toychat."""

import json

from carapace import PluginError, http
from carapace.contract import (
    AccountStatus,
    ChannelAnswer,
    ChannelEvent,
    ChannelSend,
    Conversation,
    Header,
    HttpRequest,
    HttpResponse,
    Message,
    Person,
    Sent,
    Timer,
)


def channel_event(event: ChannelEvent) -> ChannelAnswer | None:
    """Is pure: it says what to do, and the kernel does it once messages and state are committed.

    The state is the number of the last message, which is all that it takes to go on after a crash.
    """
    last = event.state or 0  # there is none at first
    if event.kind in ("start", "timer"):
        return poll(event.config, last)
    if event.kind == "response" and event.response:
        return answered(event.config, last, event.response)
    return None


def answered(config: dict, last: int, response: HttpResponse) -> ChannelAnswer:
    try:
        items = received(response)
        answer = poll(config, items[-1]["number"] if items else last)
        answer.messages = [message(item) for item in items]
    except (PluginError, LookupError, TypeError) as error:  # also an answer of another form
        return failed(error)
    answer.status = AccountStatus(state="connected")
    return answer


def message(item: dict) -> Message:
    return Message(
        id=str(item["number"]),
        text=item["text"],
        conversation=Conversation(kind="direct", id=item["from"]),
        sender=Person(id=item["from"]),
    )


def poll(config: dict, last: int) -> ChannelAnswer:
    """Asks for what is behind a message, and keeps its number."""
    return ChannelAnswer(state=last, requests=[request(config, "GET", f"/messages?after={last}")])


def received(response: HttpResponse):
    """Is the value in a good response."""
    if response.error:
        raise PluginError.of(response.error)
    if response.status == 401:
        raise PluginError("unauthorized", "the server does not know the token: set another")
    if response.status != 200:
        retryable = response.status == 429 or response.status >= 500
        raise PluginError(
            "unavailable",
            f"the server answered {response.status}: check the account's url",
            retryable=retryable,
        )
    try:
        return json.loads(response.text or "")
    except ValueError:
        raise PluginError("unavailable", "the server does not answer JSON: check the account's url") from None


def failed(error: Exception) -> ChannelAnswer:
    """Shows the owner what is wrong and polls again in five seconds; a wrong token waits for another."""
    if isinstance(error, PluginError) and error.code == "unauthorized":
        return ChannelAnswer(status=AccountStatus(state="needs_login", message=str(error)))
    return ChannelAnswer(
        status=AccountStatus(state="disconnected", message=str(error)), timers=[Timer(id="again", after=5000)]
    )


def channel_send(send: ChannelSend) -> Sent:
    """Posts a message. The server knows a repeated one by its key."""
    post = request(send.config, "POST", "/messages")
    post.json = {"to": send.to.id, "text": send.text, "key": send.idempotency_key}
    number = received(http.request(post))
    if not isinstance(number, int):
        raise PluginError("unavailable", "the server has not said the message's number")
    return Sent(ids=[str(number)])


def request(config: dict, method: str, path: str) -> HttpRequest:
    """Makes a request to the account's server, signed with its token."""
    return HttpRequest(
        id="poll",
        method=method,
        url=config["url"] + path,
        headers=[Header(name="Authorization", value="Bearer {{credential:token}}")],
    )
