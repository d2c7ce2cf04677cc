// A plugin that bridges a chat server by long poll. What the server understands stands in ../go-channel/toychat.

import {
  http,
  PluginError,
  type ChannelAnswer,
  type ChannelEvent,
  type ChannelSend,
  type HttpRequest,
  type HttpResponse,
  type Message,
  type Sent,
} from "carapace";

/**
 * Is pure: it says what to do, and the kernel does it once messages and state are committed. The state is the number of
 * the last message, which is all that it takes to go on after a crash.
 */
export function channelEvent(event: ChannelEvent): ChannelAnswer {
  const last: number = event.state ?? 0; // there is none at first
  switch (event.kind) {
    case "start":
    case "timer":
      return poll(event.config, last);
    case "response":
      return answered(event.config, last, event.response);
    default:
      return {};
  }
}

/** What the server says when it knows of a message. */
type Item = { number: number; from: string; text: string };

function answered(config: { url: string }, last: number, response: HttpResponse): ChannelAnswer {
  try {
    const items: Item[] = received(response);
    return {
      ...poll(config, items.at(-1)?.number ?? last),
      messages: items.map(message),
      status: { state: "connected" },
    };
  } catch (error) {
    return failed(error as Error);
  }
}

function message({ number, from, text }: Item): Message {
  return { id: String(number), text, conversation: { kind: "direct", id: from }, sender: { id: from } };
}

/** Asks for what is behind a message, and keeps its number. */
function poll(config: { url: string }, last: number): ChannelAnswer {
  return { state: last, requests: [request(config, "GET", `/messages?after=${last}`)] };
}

/** The value in a good response. */
function received(response: HttpResponse) {
  if (response.error) throw PluginError.from(response.error);
  if (response.status === 401) throw new PluginError("unauthorized", "the server does not know the token: set another");
  if (response.status !== 200) {
    const retryable = response.status === 429 || response.status >= 500;
    throw new PluginError("unavailable", `the server answered ${response.status}: check the account's url`, {
      retryable,
    });
  }
  try {
    return JSON.parse(response.text ?? "");
  } catch {
    throw new PluginError("unavailable", "the server does not answer JSON: check the account's url");
  }
}

/** Shows the owner what is wrong and polls again in five seconds; a wrong token waits for another. */
function failed(error: Error): ChannelAnswer {
  if (error instanceof PluginError && error.code === "unauthorized") {
    return { status: { state: "needs_login", message: error.message } };
  }
  return { status: { state: "disconnected", message: error.message }, timers: [{ id: "again", after: 5000 }] };
}

/** Posts a message. The server knows a repeated one by its key. */
export function channelSend(send: ChannelSend): Sent {
  const json = { to: send.to.id, text: send.text, key: send.idempotencyKey };
  const number: unknown = received(http.request({ ...request(send.config, "POST", "/messages"), json }));
  if (typeof number !== "number") throw new PluginError("unavailable", "the server has not said the message's number");
  return { ids: [String(number)] };
}

/** A request to the account's server, signed with its token. */
function request(config: { url: string }, method: string, path: string): HttpRequest {
  return {
    id: "poll",
    method,
    url: config.url + path,
    headers: [{ name: "Authorization", value: "Bearer {{credential:token}}" }],
  };
}
