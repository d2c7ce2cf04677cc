// A plugin that bridges a chat server by long poll. What the server understands stands in ../go-channel/toychat.

import {
  AccountStatus,
  ChannelAnswer,
  ChannelEvent,
  ChannelSend,
  Code,
  ConnectionState,
  ErrorRecord,
  EventKind,
  HttpRequest,
  HttpResponse,
  Json,
  JsonObject,
  Message,
  Sent,
  Timer,
  channelEvent,
  channelSend,
  fail,
  failWith,
  failure,
  httpRequest,
} from "carapace-as";

export function channel_event(): i32 {
  return channelEvent(event);
}

export function channel_send(): i32 {
  return channelSend(send);
}

/**
 * Is pure: it says what to do, and the gateway does it once messages and state are committed. The state is the number of
 * the last message, which is all that it takes to go on after a crash.
 */
function event(event: ChannelEvent): ChannelAnswer | null {
  const answer = new ChannelAnswer();
  let last = event.state.int(); // there is none at first
  const response = event.response;
  if (response !== null) {
    const list = received(response);
    if (list === null) return failed(failure()!);
    const items = list.items();
    for (let i = 0; i < items.length; i++) {
      last = items[i].get("number").int();
      answer.messages.push(message(items[i]));
    }
    answer.status = { state: ConnectionState.connected };
  } else if (event.kind != EventKind.start && event.kind != EventKind.timer) return answer;
  answer.state = new Json(last.toString());
  answer.requests = [request(event.config, "GET", "/messages?after=" + last.toString())];
  return answer;
}

function message(item: Json): Message {
  const from = item.get("from").text();
  return { id: item.get("number").text(), text: item.get("text").text(), conversation: { id: from }, sender: { id: from } };
}

/** The value in a good response. */
function received(response: HttpResponse): Json | null {
  const error = response.error;
  const text = response.text;
  if (error !== null) failWith(error);
  else if (response.status == 401) fail(Code.unauthorized, "the server does not know the token: set another");
  else if (response.status != 200 || text === null) {
    const message = `the server answered ${response.status}: check the account's url`;
    failWith({ code: Code.unavailable, message, retryable: response.status == 429 || response.status >= 500 });
  } else {
    const value = Json.parse(text);
    if (value === null) fail(Code.invalid, "the server's answer is not JSON");
    return value;
  }
  return null;
}

/** Shows the owner what is wrong and polls again in five seconds; a wrong token waits for another. */
function failed(error: ErrorRecord): ChannelAnswer {
  const login = error.code == Code.unauthorized;
  const status: AccountStatus = { state: login ? ConnectionState.needsLogin : ConnectionState.disconnected, message: error.message };
  const again: Timer[] = [{ id: "again", after: 5000 }];
  return { status, timers: login ? [] : again };
}

/** Posts a message. The server knows a repeated one by its key. */
function send(send: ChannelSend): Sent | null {
  const post = request(send.config, "POST", "/messages");
  post.json = new JsonObject().text("to", send.to.id).text("text", send.text).text("key", send.idempotencyKey).json();
  const response = httpRequest(post);
  if (response === null) return null;
  const number = received(response);
  if (number === null) return null;
  return { ids: [number.raw] };
}

/** A request to the account's server, signed with its token. */
function request(config: Json, method: string, path: string): HttpRequest {
  return {
    id: "poll",
    method,
    url: config.get("url").text() + path,
    headers: [{ name: "Authorization", value: "Bearer {{credential:token}}" }],
  };
}
