package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/problem"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// refusal is what a server says of a failure.
type refusal struct {
	status      int64
	kind        string // its word for it
	explanation string
	wait.Waits
}

// failure makes an error of a status, of the body or the event that came with it, and of how long the server wants to
// be left alone by its headers. The longer one of what the two ask for counts, and when a limit is as at first only where
// neither asks for anything, and a limit it was.
func failure(status int64, body string, w wait.Waits) *wit.Error {
	p := readProblem(status, body)
	code, hint := codeOf(p.status, p.kind, p.explanation)
	err := wit.NewError(code, problem.Describe("openai", hint, p.status, p.explanation))
	if asked := w.Longer(p.Waits, code == wit.CodeRateLimited); err.Retryable && asked > 0 {
		err.RetryAfter = &asked
	}
	return err
}

// unreadable is the kind of what is no failure in any known shape.
const unreadable = "unreadable"

// readProblem reads a body in the shapes that there are:
//
//	{"error":{"message":"…","type":"…","code":"…"}}      OpenAI
//	[{"error":{"code":429,"message":"…","status":"…"}}]  Google
//	{"error":"…"}  {"detail":"…"}  {"message":"…"}       servers at home
//	{"errors":[{"message":"…"}]}                          what stands before them
//	{"throttlingException":{"message":"…"}}              AWS
//	upstream connect error  <html>…                      what stands before them
//
// A code that is a number is the status that the response would have had, had it not begun well.
func readProblem(status int64, body string) refusal {
	reply, err := json.ParseText(strings.TrimSpace(strings.TrimPrefix(body, "data:")))
	for item := range reply.Items() {
		reply = item
		break
	}
	if err != nil || !reply.IsObject() {
		explanation := problem.Words(body)
		return refusal{status: status, kind: unreadable, explanation: explanation, Waits: wait.Body(json.Value{}, explanation)}
	}
	at := reply.Get("error")
	for item := range reply.Get("errors").Items() {
		at = item
		break
	}
	exception := ""
	for name, field := range reply.Fields() {
		if strings.HasSuffix(name, "Exception") {
			exception, at = name, field
		}
	}
	if at.IsText() {
		return refusal{status: status, explanation: at.Text(), Waits: wait.Body(reply, at.Text())}
	}
	if !at.IsObject() {
		at = reply
	}
	p := refusal{status: status, kind: exception}
	for _, name := range [...]string{"code", "type", "status"} {
		text := at.Get(name).Text()
		if n := at.Get(name).Int(); n >= 400 && n < 600 {
			if status < 400 {
				p.status = n // what the status would have been, had the answer not begun
			}
		} else if p.kind == "" {
			p.kind = text
		}
	}
	for _, name := range [...]string{"message", "detail", "msg"} {
		if text := at.Get(name).Text(); p.explanation == "" {
			p.explanation = text
		}
	}
	p.Waits = wait.Body(at, p.explanation)
	return p
}

// codeOf finds the code, by the kind of problem that the body names and else by the status, and says
// what the owner can do.
func codeOf(status int64, kind, explanation string) (code wit.Code, hint string) {
	switch {
	case kind == "context_length_exceeded" || strings.Contains(explanation, "maximum context length"):
		return wit.CodeTooLarge, "the conversation is longer than the model reads"
	case kind == "insufficient_quota" || status == 402:
		return wit.CodeForbidden, "the account has no credit left; look at its billing"
	case kind == "invalid_api_key" || status == 401:
		return wit.CodeUnauthorized, "the key is not accepted; give the right one with `carapace setup openai`"
	case kind == "rate_limit_exceeded" || kind == "RESOURCE_EXHAUSTED" || kind == "throttlingException" || status == 429:
		return wit.CodeRateLimited, "too many requests for now"
	case status == 403:
		return wit.CodeForbidden, "the key may not do this"
	case kind == "model_not_found" || status == 404:
		return wit.CodeNotFound, "the server does not know this model or address; check model and baseUrl"
	case status == 413:
		return wit.CodeTooLarge, "the request is larger than the server takes"
	case status == 408 || status == 504:
		return wit.CodeTimeout, "the server took too long"
	case status >= 500 || kind == "server_error" || kind == "overloaded_error":
		return wit.CodeUnavailable, "the server cannot answer now"
	case status >= 400 || kind == "invalid_request_error" || kind == "invalid_prompt":
		return wit.CodeInvalid, "the server refuses the request"
	case kind == unreadable:
		return wit.CodeUnavailable, "the server sent something that is not chat completions; check baseUrl"
	}
	return wit.CodeUnavailable, "the model failed"
}
