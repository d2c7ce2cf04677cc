package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/problem"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// failure makes an error of a status, of the body or the line that came with it, and of how long the server wants to be left
// alone by its headers.
func failure(status int64, body string, w wait.Waits) *wit.Error {
	reply, err := json.ParseText(body)
	explanation := reply.Get("error").Text()
	if err != nil || explanation == "" {
		explanation = problem.Words(body)
	}
	known := err == nil && reply.Get("error").Exists()
	code, hint, passes := codeOf(status, explanation, known)
	e := wit.NewError(code, problem.Describe("ollama", hint, status, explanation))
	e.Retryable = e.Retryable && passes
	if asked := w.Longer(wait.Body(reply, explanation), code == wit.CodeRateLimited); e.Retryable && asked > 0 {
		e.RetryAfter = &asked
	}
	return e
}

// codeOf finds the code, and says what the owner can do, and whether it may pass by itself. The server says in words, and in no
// other way, what a model lacks.
func codeOf(status int64, explanation string, known bool) (code wit.Code, hint string, passes bool) {
	says := func(words string) bool { return strings.Contains(explanation, words) }
	switch {
	case status == 404 && says("model"):
		return wit.CodeNotFound, "the model is not there; get it with `carapace models pull ollama/" + quoted(explanation) + "`", false
	case says("pull model manifest") && says("file does not exist"):
		return wit.CodeNotFound, "there is no model of this name to be fetched; see how it is written at https://ollama.com/search", false
	case says("invalid model name"):
		return wit.CodeInvalid, "this is no name of a model; one is like qwen3:8b", false
	case says("no space left on device") || says("not enough space on the disk"):
		return wit.CodeUnavailable, "the disk of the server is full; make room, such as with `ollama rm` of a model that is not used, and pull again: what was fetched is kept", false
	case says("newer version of Ollama"):
		return wit.CodeInvalid, "the model needs a newer Ollama; update it where the server runs", false
	case says("max retries exceeded") || says("pull model manifest"):
		return wit.CodeUnavailable, "the server does not get at where models are fetched from; see whether its machine is connected, and pull again: what was fetched is kept", true
	case says("does not support tools"):
		return wit.CodeInvalid, "this model cannot call tools; choose one that can, as `ollama show` says of each", false
	case says("does not support thinking"):
		return wit.CodeInvalid, "this model cannot think; say /think off", false
	case says("does not support chat"):
		return wit.CodeInvalid, "this model does not converse; choose another one", false
	case says("context length") || says("context size") || says("context window"):
		return wit.CodeTooLarge, "the conversation is longer than the model reads; set contextLength higher", false
	case says("requires more system memory") || says("out of memory"):
		return wit.CodeUnavailable, "the model is too large for this machine; choose a smaller one, or set contextLength lower", false
	case says("maximum pending requests") || status == 503:
		return wit.CodeUnavailable, "the server is busy", true
	}
	switch {
	case status == 401:
		return wit.CodeUnauthorized, "the key is not accepted; give the right one with `carapace setup ollama`, or sign in with `ollama signin` where the server runs", false
	case status == 402 || status == 403:
		return wit.CodeForbidden, "the account may not do this", false
	case status == 404:
		return wit.CodeNotFound, "the server does not know this address; check baseUrl", false
	case status == 413:
		return wit.CodeTooLarge, "the request is larger than the server takes", false
	case status == 429:
		return wit.CodeRateLimited, "too many requests for now", true
	case status == 408 || status == 504:
		return wit.CodeTimeout, "the server took too long", true
	case status >= 500:
		return wit.CodeUnavailable, "the server cannot answer now; its log says more", true
	case status >= 400:
		return wit.CodeInvalid, "the server refuses the request", false
	case !known:
		return wit.CodeUnavailable, "the server sent something that is not Ollama's API; check baseUrl", true
	}
	return wit.CodeUnavailable, "the model failed", true
}

// quoted is the model that the server's words name: model "llama3.2" not found, try pulling it first.
func quoted(explanation string) string {
	for _, mark := range [...]string{`"`, `'`} {
		if parts := strings.SplitN(explanation, mark, 3); len(parts) == 3 && name(parts[1]) {
			return parts[1]
		}
	}
	return "NAME"
}

// name reports whether a text can be a model's name, and nothing that a shell would take for more.
func name(text string) bool {
	return text != "" && len(text) <= 100 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789._:/-") == ""
}
