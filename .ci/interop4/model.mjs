// A language model for the checks: a server that speaks chat completions and does what the last message
// names. "count" streams ten words, "wait" streams words until it is left alone, "fail" is refused.
import { createServer } from "node:http";

const answers = {
  async count(response) {
    for (let n = 1; n <= 10; n++) {
      word(response, `${n} `);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    response.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
    response.write(chunk({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 } }));
    response.end("data: [DONE]\n\n");
  },
  async wait(response) {
    for (let n = 1; !response.destroyed && n < 1000; n++) {
      word(response, `still ${n} `);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    response.end();
  },
};

answers.linger = answers.wait; // to some clients the word wait is a command

const chunk = (value) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", ...value })}\n\n`;
const word = (response, content) => response.write(chunk({ choices: [{ index: 0, delta: { content } }] }));

async function answer(request, response) {
  let body = "";
  for await (const part of request) {
    body += part;
  }
  if (request.method === "GET") {
    return response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }));
  }
  const { content } = JSON.parse(body).messages.findLast((m) => m.role === "user");
  const text = typeof content === "string" ? content : content.map((part) => part.text).join("");
  const how = answers[text];
  if (!how) {
    response.writeHead(400, { "content-type": "application/json" });
    return response.end(JSON.stringify({ error: { message: "this model was told to fail", type: "invalid_request_error" } }));
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  return how(response);
}

// startModel returns the server's base URL.
export function startModel() {
  const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()));
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}/v1`)));
}
