// A plugin that speaks to a language model which thinks, calls tools, and wants what it has thought back with a tool's
// result. What the server understands stands in ../go-reasoning/toysage.

import {
  PluginError,
  type Chat,
  type EmbeddingAnswer,
  type EmbeddingQuery,
  type HttpRequest,
  type HttpResponse,
  type Json,
  type ModelsAnswer,
  type ModelsQuery,
  type ProviderAnswer,
  type ProviderChunk,
  type ProviderPlan,
  type ToolCall,
} from "carapace";

/** Puts a chat into the server's words. The opaque data of a turn is what `read` has kept with it. */
export function providerRequest({ config, model, tools, turns }: Chat): ProviderPlan {
  const json = {
    model,
    tools: tools.map(({ name }) => name),
    turns: turns.map(({ role, content, toolCalls, opaque }) => ({
      role,
      text: content.find(({ text }) => text !== undefined)?.text, // the server takes one
      call: toolCalls[0]?.id,
      reasoning: opaque ?? undefined,
    })),
  };
  return { framing: "ndjson", request: request(config, "/chat", json) };
}

/** What a line of the server's may say. */
type Line = {
  text?: string;
  thinking?: string;
  reasoning?: string;
  call?: ToolCall;
  stop?: "call" | "end";
  read?: number;
  written?: number;
};

/** Reads what has arrived of the response: its head first, then lines, one or many, then its end. */
export function providerChunk({ events }: ProviderChunk): ProviderAnswer {
  const answer: ProviderAnswer = {};
  for (const event of events) {
    if (event.kind === "head" && event.status !== 200) return { error: refusal(event.status) };
    if (event.kind === "end" && event.error) answer.error = PluginError.from(event.error);
    if (event.kind === "data") read(Object(parsed(event.data)), answer);
  }
  return answer;
}

/** Adds what one line says to the answer: what it has thought for people, and the reasoning for the server. */
function read({ text, thinking, reasoning, call, stop, read, written }: Line, answer: ProviderAnswer): void {
  if (text) (answer.deltas ??= []).push({ kind: "text", text });
  if (thinking) (answer.deltas ??= []).push({ kind: "thinking", text: thinking });
  if (reasoning) answer.opaque = reasoning;
  if (call) (answer.toolCalls ??= []).push(call);
  if (!stop) return;
  answer.stop = stop === "call" ? "tool_calls" : "end";
  answer.usage = { input: read, output: written };
}

/** Asks for the first page of the models, and then for the next one for as long as an answer names one. */
export function providerModels({ config, response }: ModelsQuery): ModelsAnswer {
  if (!response) return { request: request(config, "/models?page=1") };
  const { models = [], next }: { models?: string[]; next?: number } = Object(received(response));
  return {
    models: models.map((id) => ({ id, name: id, reasoning: id === "sage", tools: id === "sage" })),
    request: next === undefined ? undefined : request(config, `/models?page=${next}`),
  };
}

/** Asks for vectors, and then writes each number in four bytes. */
export function providerEmbeddings({ config, texts, response }: EmbeddingQuery): EmbeddingAnswer {
  if (!response) return { request: request(config, "/vectors", { texts }) };
  const { vectors = [], read }: { vectors?: number[][]; read?: number } = Object(received(response));
  const bytes = (numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
  return { embeddings: vectors.map((numbers) => ({ vector: bytes(numbers) })), usage: { input: read } };
}

/** A POST of a body, or a GET without one, signed with the key. */
function request({ url }: { url: string }, path: string, json?: Json): HttpRequest {
  const headers = [{ name: "Authorization", value: "Bearer {{credential:key}}" }];
  return { method: json === undefined ? "GET" : "POST", url: url + path, headers, json };
}

/** The value in a good response. */
function received(response: HttpResponse) {
  if (response.error) throw PluginError.from(response.error);
  if (response.status !== 200) throw refusal(response.status ?? 0);
  return parsed(response.text ?? "");
}

/** What the server says. A proxy on the way may answer for it, and not in JSON. */
function parsed(data: string) {
  try {
    return JSON.parse(data);
  } catch {
    throw new PluginError("unavailable", "the model server does not answer JSON: check the url");
  }
}

/** Says for the owner what a status means, in one of the contract's codes. */
function refusal(status: number): PluginError {
  switch (status) {
    case 401:
      return new PluginError(
        "unauthorized",
        "the model server does not know the key: set another with carapace setup ts-reasoning",
      );
    case 400:
      return new PluginError("invalid", "the model server does not take the request: it may be of another version");
    default:
      return new PluginError("unavailable", `the model server answered ${status}`, { retryable: status >= 500 });
  }
}
