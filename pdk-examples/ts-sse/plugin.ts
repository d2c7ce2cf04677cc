// A plugin that bridges a chat server over server-sent events, and whose rooms may get other ids. What the server
// understands stands in ../go-sse/toyfeed.

import {
  http,
  PluginError,
  type ChannelAnswer,
  type ChannelEvent,
  type ChannelSend,
  type Conversation,
  type Header,
  type Sent,
} from "carapace";

/**
 * Keeps the stream, which the kernel opens again by itself, behind the last event that was handled. After a restart the
 * state says which one that was.
 */
export function channelEvent(event: ChannelEvent): ChannelAnswer {
  switch (event.kind) {
    case "start":
      return { open: [stream(event.config.url, event.state)], status: { state: "connecting" } };
    case "opened":
      return { status: { state: "connected" } };
    case "closed":
      return { status: { state: "disconnected", message: event.closed.reason } };
    case "message":
      return heard(event.message);
    default:
      return {};
  }
}

/** Where the server says what happens, from behind the last event; there is none at first. */
function stream(url: string, last?: string) {
  const headers = last ? [...signed, { name: "Last-Event-ID", value: last }] : signed;
  return { connection: "feed", transport: "sse", url: `${url}/events`, headers } as const;
}

/** What an event says: a message in a room, or from what id to what id a room has moved. */
type Said = { room?: string; from?: string; to?: string; text?: string };

/** Takes an event in: a message, or the news that a room has another id. What counts is committed with the event's id. */
function heard({ id, event, text: data }: { id?: string; event?: string; text?: string }): ChannelAnswer {
  if (id === undefined) return {};
  const { room: at, from, to, text }: Said = Object(parsed(data));
  if (event === "moved" && from && to) return { state: id, moved: [{ from, to: room(to) }] };
  if (event !== undefined || !at || !from) return { state: id };
  const mentioned = /@bot/.test(text ?? "");
  return { state: id, messages: [{ id, conversation: room(at), sender: { id: from }, text, mentioned }] };
}

function room(id: string): Conversation {
  return { kind: "group", id };
}

/**
 * Posts a message. The server knows a repeated one by its key. In a room that has another id nothing is posted: the answer
 * says where it is, and the kernel sends it again to there.
 */
export function channelSend({ config, to, text, idempotencyKey: key }: ChannelSend): Sent {
  const url = `${config.url}/messages`;
  const response = http.request({ method: "POST", url, headers: signed, json: { room: to.id, text, key } });
  if (response.error) throw PluginError.from(response.error);
  const body = parsed(response.text);
  if (response.status === 410 && body?.to) return { moved: room(body.to) };
  if (response.status === 200 && typeof body === "number") return { ids: [String(body)] };
  const retryable = response.status === 429 || response.status >= 500;
  throw new PluginError("unavailable", `the server answered ${response.status}: check the account's url and token`, {
    retryable,
  });
}

/** What a text in JSON says; what is none says nothing. */
function parsed(text = "") {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const signed: Header[] = [{ name: "Authorization", value: "Bearer {{credential:token}}" }];
