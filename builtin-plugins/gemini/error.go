package gemini

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/problem"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// refusal is what the API says of a failure, in Google's form for errors:
//
//	{"error":{"code":429,"message":"…","status":"RESOURCE_EXHAUSTED","details":[
//	  {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"…","domain":"…"},
//	  {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"…","quotaValue":"…"}]},
//	  {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}
type refusal struct {
	status      int64 // as HTTP has it
	kind        string
	reason      string // of ErrorInfo
	explanation string
	daily, none bool // the quota is one of a day, and there is none
	wait.Waits
}

// failure makes an error of a status, of the body or the event that came with it, and of how long the server wants to be
// left alone by its headers.
func failure(status int64, body string, w wait.Waits) *wit.Error {
	p := readRefusal(status, body)
	code, hint := p.code()
	err := wit.NewError(code, problem.Describe("gemini", hint, p.status, p.explanation))
	if asked := w.Longer(p.Waits, code == wit.CodeRateLimited); err.Retryable && asked > 0 {
		err.RetryAfter = &asked
	}
	return err
}

// unreadable is the kind of what is no failure in Google's form.
const unreadable = "unreadable"

// readRefusal reads a body. What is streamed without events is a list with the failure in it.
func readRefusal(status int64, body string) refusal {
	reply, err := json.ParseText(body)
	for item := range reply.Items() {
		reply = item
		if item.Get("error").Exists() {
			break
		}
	}
	at := reply.Get("error")
	if err != nil || !at.IsObject() {
		p := refusal{status: status, kind: unreadable, explanation: problem.Words(body)}
		if err == nil {
			p.explanation = at.Text()
		}
		p.Waits = wait.Body(reply, p.explanation)
		return p
	}
	p := refusal{status: status, kind: at.Get("status").Text(), explanation: at.Get("message").Text()}
	if code := at.Get("code").Int(); status < 400 && code >= 400 && code < 600 {
		p.status = code // what the status would have been, had the answer not begun
	}
	for detail := range at.Get("details").Items() {
		if reason := detail.Get("reason").Text(); reason != "" {
			p.reason = reason
		}
		for violation := range detail.Get("violations").Items() {
			p.daily = p.daily || strings.Contains(violation.Get("quotaId").Text(), "PerDay")
			p.none = p.none || violation.Get("quotaValue").Text() == "0"
		}
	}
	p.Waits = wait.Body(at, p.explanation)
	return p
}

// code finds the code, by the reason that the API names, by its kind of error, and else by the status, and says what the
// owner can do. A key that is wrong is an invalid argument there. See "Troubleshooting" in the documentation of the API,
// and the reasons in google/api/error_reason.proto.
func (p *refusal) code() (code wit.Code, hint string) {
	switch {
	case p.reason == "API_KEY_INVALID" || p.reason == "API_KEY_EXPIRED" || p.status == 401:
		return wit.CodeUnauthorized, "the key is not accepted; give the right one with `carapace setup gemini`"
	case p.reason == "SERVICE_DISABLED":
		return wit.CodeForbidden, "the Gemini API is not switched on in the project that the key is from"
	case strings.HasPrefix(p.reason, "API_KEY_"):
		return wit.CodeForbidden, "the key is restricted: allow it this machine and the Gemini API in Google's console"
	case p.none:
		return wit.CodeForbidden, "the account may not use this model; choose another one, or set up billing"
	case p.kind == "RESOURCE_EXHAUSTED" && p.daily:
		return wit.CodeRateLimited, "the quota of this day is used up"
	case p.kind == "RESOURCE_EXHAUSTED" || p.status == 429:
		return wit.CodeRateLimited, "too many requests for now"
	case p.kind == "FAILED_PRECONDITION":
		return wit.CodeForbidden, "the API is not free of charge where this gateway is; set up billing for the key's project"
	case p.status == 403:
		return wit.CodeForbidden, "the key may not do this"
	case p.status == 404:
		return wit.CodeNotFound, "the API does not know this model; choose another one with /model"
	case p.status == 413 || p.kind == "INVALID_ARGUMENT" && strings.Contains(p.explanation, "exceeds the maximum number of tokens"):
		return wit.CodeTooLarge, "the conversation is longer than the model reads"
	case p.status == 408 || p.status == 504:
		return wit.CodeTimeout, "the model took too long"
	case p.status == 503 || p.kind == "UNAVAILABLE":
		return wit.CodeUnavailable, "the model is overloaded now"
	case p.status >= 500 || p.status == 499:
		return wit.CodeUnavailable, "the API cannot answer now"
	case p.status >= 400:
		return wit.CodeInvalid, "the API refuses the request"
	case p.kind == unreadable:
		return wit.CodeUnavailable, "the server sent something that is not the Gemini API; check baseUrl"
	}
	return wit.CodeUnavailable, "the model failed"
}

// why says in words what Google's words for a refusal mean.
var why = map[string]string{
	"SAFETY":             "Google's filter takes it for harmful; `safety` in the plugin's settings makes it less strict",
	"RECITATION":         "it would have repeated somebody's text",
	"LANGUAGE":           "the model does not know the language",
	"BLOCKLIST":          "it has a word in it that is not allowed",
	"PROHIBITED_CONTENT": "what it is about is not allowed, whatever the settings are",
	"SPII":               "it has personal data in it",
	"IMAGE_SAFETY":       "the picture is taken for harmful",
}

// blocked is the error of what Google's filters have stopped.
func blocked(what, reason, message string) *wit.Error {
	text := what + " was blocked"
	if words := why[reason]; words != "" {
		text += ", since " + words
	}
	return wit.NewError(wit.CodeForbidden, stopped(text, reason, message))
}

// stopped is an error's message with Google's own words.
func stopped(text, reason, message string) string {
	return problem.Describe("gemini", text+" ("+reason+")", 0, message)
}
