// What the tests call: see sdk.test.mjs.

import {
  ChannelAnswer,
  ChannelEvent,
  Code,
  EventKind,
  Frame,
  HookDecision,
  HookEvent,
  HookName,
  Json,
  JsonObject,
  MessageSending,
  ToolInvocation,
  ToolOutput,
  channelEvent,
  fail,
  failure,
  hookHandle,
  info,
  jsonArray,
  kvGet,
  kvPut,
  text,
  toolInvoke,
} from "../../index";

export function tool_invoke(): i32 {
  return toolInvoke((call: ToolInvocation): ToolOutput | null => {
    if (call.name == "parse") {
      const value = Json.parse(call.args.get("text").text());
      return text(value === null ? "none" : value.raw);
    }
    if (call.name == "say") {
      const args = call.args;
      return text(args.get("text").text() + "|" + args.get("int").int().toString() + "|" + args.get("float").float().toString() + "|" + args.keys().join(","));
    }
    if (call.name == "count") {
      const kept = kvGet({ key: "n" });
      if (kept === null) return null;
      const value = kept.value;
      const n = value === null ? 1 : <i32>parseInt(value) + 1;
      if (kvPut({ key: "n", value: n.toString() }) === null) return null;
      info("counted");
      return text(n.toString());
    }
    if (call.name == "despite") {
      if (kvGet({ key: "n" }) === null) return text("despite " + failure()!.code);
    }
    if (call.name == "build") {
      const list = jsonArray([new Json("1"), new JsonObject().bool("a", true).json()]);
      return text(new JsonObject().text("t\n", 'é"\\').int("i", -3).float("f", 0.5).raw("list", list).raw("none", new Json()).json().raw);
    }
    if (call.name == "abort") throw new Error("on purpose");
    if (call.name == "silent") return null;
    fail(Code.unavailable, "there is no " + call.name);
    return null;
  });
}

export function channel_event(): i32 {
  return channelEvent((event: ChannelEvent): ChannelAnswer | null => {
    const answer = new ChannelAnswer();
    const message = event.message;
    if (event.kind == EventKind.message && message !== null) {
      const echo: Frame = { connection: message.connection, text: message.text, bytes: message.bytes };
      answer.frames = [echo];
      answer.close = ["a", message.connection];
    }
    const closed = event.closed;
    if (closed !== null) {
      const after = closed.reopensAfter;
      answer.timers = [{ id: closed.reason, after: after === null ? -1 : after.value }];
    }
    answer.state = event.state;
    return answer;
  });
}

export function hook_handle(): i32 {
  return hookHandle((event: HookEvent): HookDecision | null => {
    const decision = new HookDecision();
    if (event.name == HookName.messageSending) {
      const sending = event.event.to<MessageSending>();
      if (sending === null) return null;
      decision.modify = new JsonObject().text("text", sending.text.toUpperCase()).json();
    }
    return decision;
  });
}
