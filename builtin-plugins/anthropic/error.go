package anthropic

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/problem"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// failure makes an error of the body or the event that says what went wrong:
//
//	{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}
//
// and of how long the server wants to be left alone by its headers.
func (s *state) failure(body string) *wit.Error {
	kind, explanation, asked := readProblem(body)
	code, hint := codeOf(s.status, kind, explanation)
	err := wit.NewError(code, problem.Describe("anthropic", hint, s.status, explanation))
	switch s.again { // the server knows best
	case "true":
		err.Retryable = true
	case "false":
		err.Retryable = false
	}
	if longer := s.Longer(asked, code == wit.CodeRateLimited); err.Retryable && longer > 0 {
		err.RetryAfter = &longer
	}
	return err
}

// unreadable is the kind of what is no failure in any known shape.
const unreadable = "unreadable"

// readProblem reads what a failure says. Servers before the API, and others that speak it, give a text, a page, or an error that
// is a text.
func readProblem(body string) (kind, explanation string, asked wait.Waits) {
	reply, err := json.ParseText(strings.TrimSpace(strings.TrimPrefix(body, "data:")))
	if err != nil || !reply.IsObject() {
		explanation = problem.Words(body)
		return unreadable, explanation, wait.Body(json.Value{}, explanation)
	}
	at := reply.Get("error")
	switch {
	case at.IsText():
		return "", at.Text(), wait.Body(reply, at.Text())
	case !at.IsObject():
		at = reply
	}
	for _, name := range [...]string{"message", "detail"} {
		if text := at.Get(name).Text(); explanation == "" {
			explanation = text
		}
	}
	return at.Get("type").Text(), explanation, wait.Body(at, explanation)
}

// tooLong are what the server says in words, and in no other way, of a conversation that is longer than the model reads.
var tooLong = [...]string{"prompt is too long", "exceed context limit", "exceeds the context window", "maximum context length"}

// codeOf finds the code, by the kind of problem that the body names (see platform.claude.com/docs, Errors) and else by the
// status, and says what the owner can do.
func codeOf(status int64, kind, explanation string) (code wit.Code, hint string) {
	for _, said := range tooLong {
		if strings.Contains(explanation, said) {
			return wit.CodeTooLarge, "the conversation is longer than the model reads"
		}
	}
	switch {
	case kind == "billing_error" || status == 402 || strings.Contains(explanation, "credit balance"):
		return wit.CodeForbidden, "the account has no credit left; look at its billing"
	case kind == "authentication_error" || status == 401:
		return wit.CodeUnauthorized, "the key is not accepted; give the right one with `carapace setup anthropic`"
	case kind == "permission_error" || status == 403:
		return wit.CodeForbidden, "the key may not do this; look at its workspace, and at the models that it may use"
	case kind == "not_found_error" || status == 404:
		return wit.CodeNotFound, "the server does not know this model or address; check model and baseUrl"
	case kind == "request_too_large" || status == 413:
		return wit.CodeTooLarge, "the request is larger than the server takes"
	case kind == "rate_limit_error" || status == 429:
		return wit.CodeRateLimited, "too many requests for now"
	case kind == "overloaded_error" || status == 529:
		return wit.CodeUnavailable, "the model is overloaded now"
	case kind == "timeout_error" || status == 408 || status == 504:
		return wit.CodeTimeout, "the server took too long"
	case kind == "api_error" || status >= 500:
		return wit.CodeUnavailable, "the server cannot answer now"
	case kind == "invalid_request_error" || status >= 400:
		return wit.CodeInvalid, "the server refuses the request"
	case kind == unreadable:
		return wit.CodeUnavailable, "the server sent something that is not the Messages API; check baseUrl"
	}
	return wit.CodeUnavailable, "the model failed"
}

// limits are the headers with those that say how much of a limit is left, and when it is as at first, under the names that they
// have everywhere else: anthropic-ratelimit-input-tokens-reset is x-ratelimit-reset-input-tokens.
func limits(headers []wit.Header) []wit.Header {
	out := make([]wit.Header, 0, len(headers))
	for _, h := range headers {
		limit, ok := strings.CutPrefix(strings.ToLower(h.Name), "anthropic-ratelimit-")
		for _, what := range [...]string{"reset", "remaining"} {
			if name, fits := strings.CutSuffix(limit, "-"+what); ok && fits {
				h.Name = "x-ratelimit-" + what + "-" + name
			}
		}
		out = append(out, h)
	}
	return out
}
