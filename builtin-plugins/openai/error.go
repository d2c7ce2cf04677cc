package openai

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxExplanation bounds what of a server's own words is passed on.
const maxExplanation = 300

// problem is what a server says of a failure.
type problem struct {
	status      int64
	kind        string // its word for it
	explanation string
	waits
}

// failure makes an error of a status, of the body or the event that came with it, and of how long the server wants to
// be left alone by its headers. The longer one of what the two ask for counts, and when a limit is as at first only where
// neither asks for anything, and a limit it was.
func failure(status int64, body string, w waits) *wit.Error {
	p := readProblem(status, body)
	code, hint := codeOf(p.status, p.kind, p.explanation)
	err := wit.NewError(code, describe(p.status, hint, p.explanation))
	wait := max(w.asked, p.asked)
	if wait == 0 && code == wit.CodeRateLimited {
		wait = max(w.reset, p.reset)
	}
	if err.Retryable && wait > 0 {
		err.RetryAfter = &wait
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
func readProblem(status int64, body string) problem {
	reply, err := json.ParseText(strings.TrimSpace(strings.TrimPrefix(body, "data:")))
	for item := range reply.Items() {
		reply = item
		break
	}
	if err != nil || !reply.IsObject() {
		explanation := words(body)
		return problem{status: status, kind: unreadable, explanation: explanation, waits: bodyWait(json.Value{}, explanation)}
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
		return problem{status: status, explanation: at.Text(), waits: bodyWait(reply, at.Text())}
	}
	if !at.IsObject() {
		at = reply
	}
	p := problem{status: status, kind: exception}
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
	p.waits = bodyWait(at, p.explanation)
	return p
}

// words is what a body that is no JSON says: its text, or the title of a page.
func words(body string) string {
	if !strings.HasPrefix(body, "<") {
		return body
	}
	if _, title, ok := strings.Cut(body, "<title>"); ok {
		title, _, _ = strings.Cut(title, "<")
		return strings.TrimSpace(title)
	}
	return ""
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
	case status >= 400 || kind == "invalid_request_error":
		return wit.CodeInvalid, "the server refuses the request"
	case kind == unreadable:
		return wit.CodeUnavailable, "the server sent something that is not chat completions; check baseUrl"
	}
	return wit.CodeUnavailable, "the model failed"
}

// describe puts the hint, which is for the owner, before the server's own words. Those about a key are left out: some
// servers repeat it, and an error is seen by whoever asked.
func describe(status int64, hint, explanation string) string {
	text := "openai: " + hint
	if status >= 400 {
		text += " (status " + strconv.FormatInt(status, 10) + ")"
	}
	if explanation == "" || strings.Contains(strings.ToLower(explanation), "key") {
		return text
	}
	if len(explanation) > maxExplanation {
		explanation = strings.ToValidUTF8(explanation[:maxExplanation], "") + "…"
	}
	return text + ": " + explanation
}
