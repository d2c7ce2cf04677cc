// What the types let pass and what they do not: `npm run check` compiles it, nothing runs it.

import {
  call,
  config,
  credential,
  emit,
  failed,
  http,
  kv,
  log,
  media,
  PluginError,
  progress,
  schedule,
  text,
  type ChannelAnswer,
  type ChannelEvent,
  type Code,
  type Conversation,
  type Handler,
  type HookDecision,
  type HookEvent,
  type HttpRequest,
  type Message,
  type Plugin,
  type ProviderAnswer,
  type ReceivedConversation,
  type ToolInvocation,
  type ToolOutput,
} from "carapace";
import { host, replay } from "carapace/test";

export const toolInvoke: Handler<"toolInvoke"> = async (call) => {
  const sides: number = call.args.sides;
  const zone: string = call.context.timeZone;
  const account: string | undefined = call.context.account;
  // @ts-expect-error it may be missing
  const missing: string = call.context.account;
  return sides > 2 ? text(zone + account + missing) : failed("few");
};

export const channelSend: Handler<"channelSend"> = (send) => {
  const to: ReceivedConversation = send.to;
  const again: Conversation = to;
  if (again.kind === "group") throw new PluginError("rate_limited", "later", { retryable: true, retryAfter: 1000 });
  // @ts-expect-error no such kind
  if (again.kind === "crowd") throw new PluginError("invalid", "");
  // @ts-expect-error no such code
  throw new PluginError("broken", "");
};

export function hookHandle(event: HookEvent): HookDecision | undefined {
  if (event.name !== "before_tool_call") return;
  const tool: string = event.event.tool;
  // @ts-expect-error of another hook
  event.event.text;
  return { cancel: tool === "rm", reason: "no" };
}

export function channelEvent(event: ChannelEvent): ChannelAnswer {
  if (event.kind === "webhook") return { reply: { text: event.webhook.path } };
  // @ts-expect-error it may be missing
  event.response.status;
  const request: HttpRequest = {
    method: "POST",
    url: `${event.config.url}/x`,
    bytes: new Uint8Array(1),
    headers: [{ name: "a", value: "b" }],
  };
  // @ts-expect-error an id is to be there
  const message: Message = { text: "hi", conversation: { id: "1" }, sender: { id: "2" } };
  const good: Message = { id: "1", text: "hi", conversation: { id: "1" }, sender: { id: "2" } };
  // @ts-expect-error no such field
  const wrong: ChannelAnswer = { massages: [] };
  return event.kind === "start" ? { requests: [request], messages: [good, message] } : wrong;
}

// @ts-expect-error a function has to return its record
export const scheduleFire: Handler<"scheduleFire"> = () => 7;

// @ts-expect-error this record is not to be left out whole
export const channelSkip: Handler<"channelSkip"> = () => ({ stat: 1 });

({ toolInvoke, channelSend, hookHandle, channelEvent }) satisfies Plugin;

export function all(invocation: ToolInvocation): ToolOutput {
  const value: string | undefined = kv.get("a");
  kv.put("a", value ?? "", 1000);
  kv.delete("a");
  const keys: string[] = kv.keys("a", 3);
  const status: number = http.request({ url: "https://h" }).status;
  const next: number | undefined = schedule.set({ id: "j", cron: "0 9 * * *", payload: { keys } });
  schedule.cancel("j");
  emit("done", { status, next });
  progress("half");
  log.info(`${credential.has("token", "home")} ${media.stat("m").size} ${media.link("m", 60_000)} ${config.get().url}`);
  const signature: Uint8Array = credential.sign({ key: "token", text: `${credential.has("token")}` });
  const present: boolean = call("credential_has", { name: "token" }).present;
  // @ts-expect-error no such import
  call("kv_steal", {});
  // @ts-expect-error bytes are bytes
  http.request({ url: "https://h", bytes: "AA==" });
  const code: Code = "timeout";
  const answer: ProviderAnswer = { error: new PluginError(code, "x"), deltas: [{ text: "t" }] };
  return text(JSON.stringify([present, answer, invocation, signature.length]));
}

export async function web(): Promise<string> {
  const response = await fetch("https://h/x", {
    method: "POST",
    body: JSON.stringify({}),
    signal: AbortSignal.timeout(100),
  });
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode("k"),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, await response.arrayBuffer())).toHex();
  const id: number = setTimeout((a: string) => console.log(a), 5, "x");
  clearTimeout(id);
  // @ts-expect-error there is no page
  document.title;
  // @ts-expect-error and no node
  process.exit();
  return new URL("?q", "https://h").searchParams.get("q") ?? structuredClone(signature);
}

export async function tests(): Promise<void> {
  const gateway = await host("folder", {
    credentials: { token: "t" },
    http: (request) => ({ json: { url: request.url } }),
  });
  const output: ToolOutput = gateway.plugin.toolInvoke({ name: "x", context: { account: "a" } });
  const answer: ChannelAnswer = gateway.plugin.channelEvent({ kind: "start" });
  gateway.do(answer.requests![0]!).status.toFixed();
  // @ts-expect-error no such kind of event
  gateway.plugin.channelEvent({ kind: "begin" });
  replay("folder", "testdata/*.jsonl");
  output.failed = gateway.log[0]?.level === "warn";
}
