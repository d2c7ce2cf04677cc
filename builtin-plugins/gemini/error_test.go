package gemini_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestFailures: what the API says of failures, as it says it.
func TestFailures(t *testing.T) {
	reason := func(code int, status, reason, message string) geminitest.Reply {
		r := geminitest.Fails(code, status, message)
		r.Failure.Details = []any{map[string]string{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}}
		return r
	}
	later := geminitest.Fails(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
	later.Failure.Header = http.Header{"Retry-After": {"20"}}
	none := geminitest.Busy("GenerateRequestsPerDayPerProjectPerModel-FreeTier", 5)
	none.Failure.Details[0].(map[string]any)["violations"].([]any)[0].(map[string]any)["quotaValue"] = "0"
	for name, c := range map[string]struct {
		reply geminitest.Reply
		want  wit.Code
		retry int64
		words string
	}{
		"key expired":   {reason(400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key expired. Please renew the API key."), wit.CodeUnauthorized, 0, "carapace setup gemini"},
		"key refused":   {geminitest.Fails(401, "UNAUTHENTICATED", "no"), wit.CodeUnauthorized, 0, "carapace setup gemini"},
		"api off":       {reason(403, "PERMISSION_DENIED", "SERVICE_DISABLED", "Generative Language API has not been used in project 1 before or it is disabled."), wit.CodeForbidden, 0, "not switched on"},
		"restricted":    {reason(403, "PERMISSION_DENIED", "API_KEY_IP_ADDRESS_BLOCKED", "no"), wit.CodeForbidden, 0, "restricted"},
		"forbidden":     {geminitest.Fails(403, "PERMISSION_DENIED", "You do not have permission."), wit.CodeForbidden, 0, "permission"},
		"place":         {geminitest.Fails(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), wit.CodeForbidden, 0, "location"},
		"per minute":    {geminitest.Busy("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 34.5), wit.CodeRateLimited, 34_500, "too many requests for now"},
		"per day":       {geminitest.Busy("GenerateRequestsPerDayPerProjectPerModel-FreeTier", 3), wit.CodeRateLimited, 3000, "of this day"},
		"quota of none": {none, wit.CodeForbidden, 0, "billing"},
		"overloaded":    {later, wit.CodeUnavailable, 20_000, "overloaded"},
		"internal":      {geminitest.Fails(500, "INTERNAL", "An internal error has occurred."), wit.CodeUnavailable, 0, "internal"},
		"too slow":      {geminitest.Fails(504, "DEADLINE_EXCEEDED", "Deadline expired"), wit.CodeTimeout, 0, "too long"},
		"too long":      {geminitest.Fails(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."), wit.CodeTooLarge, 0, "longer than the model reads"},
		"too large":     {geminitest.Fails(413, "", "Request payload size exceeds the limit: 20971520 bytes."), wit.CodeTooLarge, 0, "payload"},
		"wrong":         {geminitest.Fails(400, "INVALID_ARGUMENT", "Invalid JSON payload received."), wit.CodeInvalid, 0, "Invalid JSON payload"},
	} {
		answer := ask(t, geminitest.New(c.reply), hi("gemini-2.5-flash"))
		if wit.CodeOf(answer.Error) != c.want || answer.Stop != nil {
			t.Errorf("%s: %v, want %s", name, answer.Error, c.want)
			continue
		}
		if got := answer.Error.RetryAfter; (got == nil) != (c.retry == 0) || got != nil && *got != c.retry {
			t.Errorf("%s: retry after %v, want %d", name, got, c.retry)
		}
		if !strings.Contains(answer.Error.Message, c.words) || !strings.HasPrefix(answer.Error.Message, "gemini: ") {
			t.Errorf("%s: %s", name, answer.Error.Message)
		}
	}
	if answer := ask(t, geminitest.New(), hi("gemini-9")); wit.CodeOf(answer.Error) != wit.CodeNotFound || !strings.Contains(answer.Error.Message, "models/gemini-9 is not found") {
		t.Errorf("no such model: %v", answer.Error)
	}
}

// TestOtherFailures: those in a good stream, and of what stands before the API.
func TestOtherFailures(t *testing.T) {
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   wit.Code
		words  string
	}{
		"in the stream":   {[]wit.StreamEvent{head(200), data(`{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`)}, wit.CodeUnavailable, "(status 503): overloaded"},
		"in a list":       {[]wit.StreamEvent{head(200), data(`[{"candidates":[]},{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]`)}, wit.CodeRateLimited, ": slow"},
		"a body's list":   {[]wit.StreamEvent{head(400), data(`[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]`)}, wit.CodeUnauthorized, "the key is not accepted"},
		"a page":          {[]wit.StreamEvent{head(502), data(`<html><title> Bad Gateway </title></html>`)}, wit.CodeUnavailable, ": Bad Gateway"},
		"a text":          {[]wit.StreamEvent{head(500), data(`upstream connect error`)}, wit.CodeUnavailable, ": upstream connect error"},
		"an error's text": {[]wit.StreamEvent{head(400), data(`{"error":"nonsense"}`)}, wit.CodeInvalid, ": nonsense"},
		"silence":         {[]wit.StreamEvent{head(503), end}, wit.CodeUnavailable, "overloaded"},
		"not the API":     {[]wit.StreamEvent{head(200), data(`<html>hello</html>`), end}, wit.CodeUnavailable, "check baseUrl"},
		"redirected":      {[]wit.StreamEvent{head(304), end}, wit.CodeUnavailable, "check baseUrl"},
	} {
		answer := read(t, nil, c.events...)
		if wit.CodeOf(answer.Error) != c.want || answer.Stop != nil || !strings.Contains(answer.Error.Message, c.words) {
			t.Errorf("%s: %v", name, answer.Error)
		}
	}
}

// TestCutOff: where a stream ends before the model has finished, the gateway says what that means.
func TestCutOff(t *testing.T) {
	piece := data(`{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}`)
	broken := wit.StreamEvent{Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeTimeout, "timed out")}
	for name, events := range map[string][]wit.StreamEvent{"nothing": {head(200), end}, "text": {head(200), piece, end}, "connection": {head(200), piece, broken}, "no head": {broken}} {
		if answer := read(t, nil, events...); answer.Error != nil || answer.Stop != nil {
			t.Errorf("%s: %v, %v", name, answer.Stop, answer.Error)
		}
	}
}

// TestABadKey: it is told apart from other invalid arguments, and its words are not passed on.
func TestABadKey(t *testing.T) {
	bad := &sdktest.Host{HTTP: geminitest.New(), Credentials: map[string]string{"api_key": "AIza-wrong"}}
	plan, err := gemini.New().Request(bad.SDK(), hi("gemini-2.5-flash"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := bad.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	answer := read(t, nil, events(response)...)
	if wit.CodeOf(answer.Error) != wit.CodeUnauthorized || answer.Error.Message != "gemini: the key is not accepted; give the right one with `carapace setup gemini` (status 400)" {
		t.Errorf("%v", answer.Error)
	}
}
