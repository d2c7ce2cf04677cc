// A plugin that bridges a chat server over a WebSocket, which stays open while the plugin is replaced. What the server
// understands stands in ../go-websocket/toyhub.

import {
  PluginError,
  type ChannelAnswer,
  type ChannelEvent,
  type ChannelSend,
  type Closed,
  type AccountStatus,
  type Frame,
  type Message,
  type Sent,
} from "carapace";

/** Whether the server has let the account in, and the number of the last message: all that it takes to go on. */
type State = { in: boolean; last: number };

/** What the server says: its welcome, a message, or the receipt of a post. */
type Words = { welcome?: true; number: number; room?: string; from: string; text: string; key?: string };

/**
 * Keeps the connection. What it answers is committed before its frames are written, so a message that the server is told
 * is seen is not lost.
 */
export function channelEvent(event: ChannelEvent): ChannelAnswer {
  const state: State = event.state ?? { in: false, last: 0 }; // there is none at first
  switch (event.kind) {
    case "start":
      return {
        state: { ...state, in: false },
        open: [{ connection: "hub", transport: "websocket", url: event.config.url }],
        status: { state: "connecting" },
      };
    case "opened":
      return { frames: [{ ...frame({ token: "{{credential:token}}", after: state.last }), fill: true }] };
    case "message":
      return heard(state, words(event.message.text));
    case "closed": // sends wait until it is in again
      return { state: { ...state, in: false }, status: closed(event.closed) };
    default:
      return {};
  }
}

/** The server's words. What is none of them asks for nothing. */
function words(text = ""): Words {
  try {
    return Object(JSON.parse(text));
  } catch {
    return Object();
  }
}

/** Does what the server's words ask for. */
function heard(state: State, said: Words): ChannelAnswer {
  if (said.welcome) return { state: { ...state, in: true }, status: { state: "connected" } };
  if (said.key !== undefined) return { confirmed: [{ token: said.key, ids: [String(said.number)] }] };
  if (!(said.number > state.last)) return {};
  return {
    state: { ...state, last: said.number },
    messages: [message(said)],
    frames: [frame({ seen: said.number })],
  };
}

function message({ number, room, from, text }: Words): Message {
  const conversation: Message["conversation"] = room ? { kind: "group", id: room } : { kind: "direct", id: from };
  return { id: String(number), text, sender: { id: from }, conversation };
}

/** The end of a connection for the owner to see. It is opened again by itself. */
function closed({ code, reason }: Closed): AccountStatus {
  if (code === 4001) return { state: "needs_login", message: "the server does not know the token: set another" };
  return { state: "disconnected", message: reason };
}

/** Has the message written on the connection, and waits for the receipt. The server knows a repeated one by its key. */
export function channelSend({ state, to, text, idempotencyKey: key }: ChannelSend): Sent {
  if (!state?.in) throw new PluginError("unavailable", "the account is not on the server now", { retryable: true });
  return { frames: [frame({ to: to.id, text, key })], awaits: { token: key } };
}

function frame(words: object): Frame {
  return { connection: "hub", text: JSON.stringify(words) };
}
