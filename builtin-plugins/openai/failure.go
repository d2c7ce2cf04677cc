package openai

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxExplanation bounds what of a server's own words is passed on.
const maxExplanation = 300

// failure makes an error of a status, of the body that came with it, and of how long the server asked
// to be left alone, in milliseconds.
func failure(status int64, body string, wait int64) *wit.Error {
	reply, _ := json.Parse([]byte(body)) // a body that is no JSON explains nothing
	problem := reply.Get("error")
	explanation := problem.Get("message").Text()
	if problem.IsText() {
		explanation = problem.Text()
	}
	kind := problem.Get("code").Text()
	if kind == "" {
		kind = problem.Get("type").Text()
	}
	code, hint := codeOf(status, kind, explanation)
	err := wit.NewError(code, describe(status, hint, explanation))
	if code == wit.CodeRateLimited && wait > 0 {
		err.RetryAfter = &wait
	}
	return err
}

// codeOf finds the code, by the kind of problem that the body names and else by the status, and says
// what the owner can do.
func codeOf(status int64, kind, explanation string) (code wit.Code, hint string) {
	switch {
	case kind == "context_length_exceeded" || strings.Contains(explanation, "maximum context length"):
		return wit.CodeTooLarge, "the conversation is longer than the model reads"
	case kind == "insufficient_quota":
		return wit.CodeForbidden, "the account has no credit left; look at its billing"
	case kind == "invalid_api_key" || status == 401:
		return wit.CodeUnauthorized, "the key is not accepted; set the credential " + keyName + " again"
	case kind == "rate_limit_exceeded" || status == 429:
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
	}
	return wit.CodeUnavailable, "the model failed"
}

// describe puts the hint before the server's own words. Those about a key are left out: some servers
// repeat it.
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

// retryAfter reads how long the server wants to be left alone, in milliseconds; 0 when it does not say.
func retryAfter(headers []wit.Header) int64 {
	for _, unit := range []struct {
		name         string
		milliseconds float64
	}{{"retry-after-ms", 1}, {"retry-after", 1000}} {
		for _, header := range headers {
			if !strings.EqualFold(header.Name, unit.name) {
				continue
			}
			n, err := strconv.ParseFloat(strings.TrimSpace(header.Value), 64)
			if err == nil && n > 0 && n*unit.milliseconds < maxWait {
				return int64(n * unit.milliseconds)
			}
		}
	}
	return 0
}

// maxWait is a day: a server that asks for more is not waited for.
const maxWait = 24 * 60 * 60 * 1000
