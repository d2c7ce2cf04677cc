package bedrock

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/problem"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// failure makes an error of a status, of the kind that the head or a packet names, and of the body that came with it:
// {"message":"…"}, also with a capital letter.
func failure(status int64, kind, body string, w wait.Waits) *wit.Error {
	v, err := json.ParseText(body)
	explanation := problem.Words(body)
	if err == nil {
		if explanation = v.Get("message").Text(); explanation == "" {
			explanation = v.Get("Message").Text()
		}
		if kind == "" {
			kind = v.Get("__type").Text()
			kind = kind[strings.LastIndexByte(kind, '#')+1:]
		}
	}
	code, hint := codeOf(status, kind, explanation)
	e := wit.NewError(code, problem.Describe("bedrock", hint, status, explanation))
	if asked := w.Longer(wait.Body(v, explanation), code == wit.CodeRateLimited); e.Retryable && asked > 0 {
		e.RetryAfter = &asked
	}
	return e
}

// codeOf finds the code, by the kind of failure and else by the status, and says what the owner can do. See "Common errors"
// and the errors of ConverseStream in the reference of the API; in a stream their names begin with a small letter.
func codeOf(status int64, kind, explanation string) (code wit.Code, hint string) {
	switch strings.TrimSuffix(strings.ToLower(kind), "exception") {
	case "unrecognizedclient", "invalidsignature", "incompletesignature", "expiredtoken", "missingauthenticationtoken", "invalidclienttokenid", "signaturedoesnotmatch":
		return wit.CodeUnauthorized, "the keys are not accepted; give the right ones with `carapace setup bedrock`"
	case "accessdenied":
		if strings.Contains(explanation, "prompt caching") {
			return wit.CodeInvalid, "this model does not keep the beginnings of requests; set cache to off"
		}
		if strings.Contains(explanation, "Authentication failed") { // of an API key: see "Use an Amazon Bedrock API key"
			return wit.CodeUnauthorized, "the keys are not accepted; give the right ones with `carapace setup bedrock`"
		}
		return wit.CodeForbidden, "the account may not use this model here; ask for access in the console of AWS, or choose another region"
	case "throttling", "toomanyrequests", "servicequotaexceeded":
		return wit.CodeRateLimited, "too many requests for now"
	case "resourcenotfound":
		return wit.CodeNotFound, "the region does not have this model; choose another one with /model"
	case "modeltimeout":
		return wit.CodeTimeout, "the model took too long"
	case "modelnotready", "serviceunavailable", "internalserver", "modelerror", "modelstreamerror":
		return wit.CodeUnavailable, "the model cannot answer now"
	case "validation":
		if strings.Contains(explanation, "too long") {
			return wit.CodeTooLarge, "the conversation is longer than the model reads"
		}
		return wit.CodeInvalid, "the model refuses the request"
	}
	switch {
	case status == 401:
		return wit.CodeUnauthorized, "the keys are not accepted; give the right ones with `carapace setup bedrock`"
	case status == 403:
		return wit.CodeForbidden, "the keys may not do this"
	case status == 404:
		return wit.CodeNotFound, "the region does not have this model; choose another one with /model"
	case status == 429:
		return wit.CodeRateLimited, "too many requests for now"
	case status == 408 || status == 504:
		return wit.CodeTimeout, "the model took too long"
	case status >= 400 && status < 500 && status != 424:
		return wit.CodeInvalid, "the model refuses the request"
	case status == 200 && kind == "":
		return wit.CodeUnavailable, "the server sent something that is not an event stream; check the region and baseUrl"
	}
	return wit.CodeUnavailable, "the model cannot answer now"
}
