// A plugin that speaks to a language model: it plans a request, and reads what streams back. The kernel makes the
// request, fills in the key and cuts the stream into events. What the server understands stands in ../go-provider/toymodel.

import {
  PluginError,
  type Chat,
  type ModelsAnswer,
  type ProviderAnswer,
  type ProviderChunk,
  type ProviderPlan,
} from "carapace";

/** Puts a chat into the server's words. */
export function providerRequest(chat: Chat): ProviderPlan {
  return {
    framing: "sse",
    request: {
      method: "POST",
      url: `${chat.config.url}/chat`,
      headers: [{ name: "Authorization", value: "Bearer {{credential:key}}" }],
      json: { model: chat.model, text: said(chat) },
    },
  };
}

/** The text of the last turn. */
function said(chat: Chat): string {
  const parts = chat.turns.at(-1)?.content ?? [];
  return parts.map((part) => part.text ?? "").join("");
}

/** Reads what has arrived of the response: its head first, then events, one or many, then its end. */
export function providerChunk({ events }: ProviderChunk): ProviderAnswer {
  const answer: ProviderAnswer = {};
  for (const event of events) {
    if (event.kind === "head" && event.status !== 200) return { error: refusal(event.status) };
    if (event.kind === "end" && event.error) answer.error = PluginError.from(event.error);
    if (event.kind === "data") read(event.data, answer);
  }
  return answer;
}

/** Adds what one event says to the answer. */
function read(data: string, answer: ProviderAnswer): void {
  const event = parsed(data);
  if (event.text) (answer.deltas ??= []).push({ kind: "text", text: event.text });
  if (event.words !== undefined) {
    // the last event
    answer.stop = "end";
    answer.usage = { input: event.words, output: event.words };
  }
}

/** What an event says. A proxy on the way may answer for the server, and not in JSON. */
function parsed(data: string): { text?: string; words?: number } {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    throw new PluginError("unavailable", "the model server does not answer JSON: check the url");
  }
}

/** Says for the owner what a status means, in one of the contract's codes. */
function refusal(status: number): PluginError {
  if (status === 401) {
    return new PluginError(
      "unauthorized",
      "the model server does not know the key: set another with carapace setup ts-provider",
    );
  }
  return new PluginError("unavailable", `the model server answered ${status}`, { retryable: status >= 500 });
}

/** Lists the models; a provider that has to ask for them returns a request first. */
export function providerModels(): ModelsAnswer {
  return { models: [{ id: "echo", name: "Echo", contextWindow: 8000 }] };
}
