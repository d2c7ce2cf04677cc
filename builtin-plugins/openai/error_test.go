package openai_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

func TestFailures(t *testing.T) {
	problem := func(message, kind, code string) string {
		return `{"error":{"message":"` + message + `","type":"` + kind + `","code":"` + code + `"}}`
	}
	for name, c := range map[string]struct {
		chunks []wit.StreamEvent
		want   wit.Code
		retry  int64
	}{
		"bad key":       {[]wit.StreamEvent{head(401), data(problem("Incorrect API key provided: sk-12", "x", "invalid_api_key"))}, wit.CodeUnauthorized, 0},
		"slow down":     {[]wit.StreamEvent{head(429, wit.Header{Name: "Retry-After", Value: "2.5"}), data(problem("slow", "requests", "rate_limit_exceeded"))}, wit.CodeRateLimited, 2500},
		"slow, in ms":   {[]wit.StreamEvent{head(429, wit.Header{Name: "retry-after", Value: "9"}, wit.Header{Name: "retry-after-ms", Value: "120"}), end}, wit.CodeRateLimited, 120},
		"slow, by date": {[]wit.StreamEvent{head(429, wit.Header{Name: "retry-after", Value: "Wed, 21 Oct 2015 07:28:00 GMT"}), end}, wit.CodeRateLimited, 0},
		"no credit":     {[]wit.StreamEvent{head(429), data(problem("pay", "insufficient_quota", "insufficient_quota"))}, wit.CodeForbidden, 0},
		"too long":      {[]wit.StreamEvent{head(400), data(problem("long", "invalid_request_error", "context_length_exceeded"))}, wit.CodeTooLarge, 0},
		"bad request":   {[]wit.StreamEvent{head(400), data(problem("bad", "invalid_request_error", ""))}, wit.CodeInvalid, 0},
		"no model":      {[]wit.StreamEvent{head(404), data(problem("none", "x", "model_not_found"))}, wit.CodeNotFound, 0},
		"down":          {[]wit.StreamEvent{head(502), data("<html>bad gateway</html>")}, wit.CodeUnavailable, 0},
		"down, silent":  {[]wit.StreamEvent{head(503), end}, wit.CodeUnavailable, 0},
		"slow server":   {[]wit.StreamEvent{head(504), end}, wit.CodeTimeout, 0},
		"text error":    {[]wit.StreamEvent{head(400), data(`{"error":"model requires more memory"}`)}, wit.CodeInvalid, 0},
		"in the stream": {[]wit.StreamEvent{head(200), data(problem("overloaded", "server_error", ""))}, wit.CodeUnavailable, 0},
		"limit inside":  {[]wit.StreamEvent{head(200), data(problem("slow", "", "rate_limit_exceeded"))}, wit.CodeRateLimited, 0},
		"garbage":       {[]wit.StreamEvent{head(200), data("<html>hello</html>"), end}, wit.CodeUnavailable, 0},
		"no object":     {[]wit.StreamEvent{head(200), data("[1]"), end}, wit.CodeUnavailable, 0},
		"list":          {[]wit.StreamEvent{head(503), data(`[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]`)}, wit.CodeUnavailable, 0},
		"retryDelay":    {[]wit.StreamEvent{head(429), data(`[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"a":1},{"retryDelay":"7.5s"}]}}]`)}, wit.CodeRateLimited, 7500},
		"retry_after":   {[]wit.StreamEvent{head(429), data(`{"error":"slow down","retry_after":3}`)}, wit.CodeRateLimited, 3000},
		"by dates":      {[]wit.StreamEvent{head(429, wit.Header{Name: "Retry-After", Value: "Wed, 21 Oct 2026 07:28:09 GMT"}, wit.Header{Name: "Date", Value: "Wed, 21 Oct 2026 07:28:00 GMT"}), end}, wit.CodeRateLimited, 9000},
		"past date":     {[]wit.StreamEvent{head(429, wit.Header{Name: "Retry-After", Value: "Wed, 21 Oct 2026 07:27:00 GMT"}, wit.Header{Name: "Date", Value: "Wed, 21 Oct 2026 07:28:00 GMT"}), end}, wit.CodeRateLimited, 0},
		"down, by time": {[]wit.StreamEvent{head(503, wit.Header{Name: "Retry-After", Value: "20"}), end}, wit.CodeUnavailable, 20000},
		"plain text":    {[]wit.StreamEvent{head(500), data("upstream connect error")}, wit.CodeUnavailable, 0},
		"redirected":    {[]wit.StreamEvent{head(304), end}, wit.CodeUnavailable, 0},
		"event: error":  {[]wit.StreamEvent{head(200), data("Internal Server Error")}, wit.CodeUnavailable, 0},
		"named error":   {[]wit.StreamEvent{head(200), {Kind: wit.StreamEventKindData, Name: new("error"), Data: `{"message":"slow","code":429}`}}, wit.CodeRateLimited, 0},
		"only named":    {[]wit.StreamEvent{head(200), {Kind: wit.StreamEventKindData, Name: new("error"), Data: `{"text":"it broke"}`}}, wit.CodeUnavailable, 0},
		"flat":          {[]wit.StreamEvent{head(200), data(`{"message":"it broke","code":"server_error"}`)}, wit.CodeUnavailable, 0},
		"errors":        {[]wit.StreamEvent{head(200), data(`{"errors":[{"message":"no credit","code":402}]}`)}, wit.CodeForbidden, 0},
		"exception":     {[]wit.StreamEvent{head(200), data(`{"throttlingException":{"message":"Too many tokens, please wait before trying again."}}`)}, wit.CodeRateLimited, 0},
		"in a choice":   {[]wit.StreamEvent{head(200), data(`{"choices":[{"delta":{},"finish_reason":"error","error":{"code":429,"message":"slow"}}]}`)}, wit.CodeRateLimited, 0},
		"by its reason": {[]wit.StreamEvent{head(200), data(`{"choices":[{"delta":{"content":"x"},"finish_reason":"network_error"}]}`)}, wit.CodeUnavailable, 0},
		"with status":   {[]wit.StreamEvent{head(200), data(`{"error":{"code":"402","message":"no credit"}}`)}, wit.CodeForbidden, 0},
		"text inside":   {[]wit.StreamEvent{head(200), data(`{"error":"it broke"}`)}, wit.CodeUnavailable, 0},
		"detail":        {[]wit.StreamEvent{head(422), data(`{"detail":[{"msg":"field required"}]}`)}, wit.CodeInvalid, 0},
		"object error":  {[]wit.StreamEvent{head(200), data(`{"object":"error","message":"no such model","code":404}`)}, wit.CodeNotFound, 0},
		"list inside":   {[]wit.StreamEvent{head(200), data(`[{"error":{"message":"x","type":"overloaded_error"}}]`)}, wit.CodeUnavailable, 0},
	} {
		answer := read(t, c.chunks...)
		if wit.CodeOf(answer.Error) != c.want || answer.Stop != nil {
			t.Errorf("%s: %v (stop %v), want %s", name, answer.Error, answer.Stop, c.want)
			continue
		}
		if got := answer.Error.RetryAfter; (got == nil) != (c.retry == 0) || got != nil && *got != c.retry {
			t.Errorf("%s: retry after %v, want %d", name, got, c.retry)
		}
		if strings.Contains(answer.Error.Message, "sk-12") || len(answer.Error.Message) > 500 {
			t.Errorf("%s: %s", name, answer.Error.Message)
		}
	}
}

// TestWordsOfFailures: a server's own words are told, and a page's title stands for it.
func TestWordsOfFailures(t *testing.T) {
	for body, want := range map[string]string{
		"upstream connect error":                              "upstream connect error",
		"<html><head><title> 502 Bad Gateway </title></head>": "502 Bad Gateway",
		`{"message":"who knows"}`:                             "who knows",
		`data: {"error":{"message":"inside of a stream"}}`:    "inside of a stream",
	} {
		if answer := read(t, head(500), data(body)); answer.Error == nil || !strings.HasSuffix(answer.Error.Message, ": "+want) {
			t.Errorf("%s: %v", body, answer.Error)
		}
	}
}

// TestCutOff: where a stream ends before the model has finished, the gateway says what that means.
func TestCutOff(t *testing.T) {
	delta := data(`{"choices":[{"delta":{"content":"x"}}]}`)
	broken := wit.StreamEvent{Kind: wit.StreamEventKindEnd, Error: wit.NewError(wit.CodeTimeout, "timed out")}
	for name, events := range map[string][]wit.StreamEvent{
		"nothing": {head(200), end}, "text": {head(200), delta, end}, "connection": {head(200), delta, broken}, "no head": {broken},
		"half an event": {head(200), delta, data(`{"choices":[{"del`), end},
		"half a call":   {head(200), piece(`{"index":0,"function":{"name":"f","arguments":"{"}}`), end},
	} {
		if answer := read(t, events...); answer.Error != nil || answer.Stop != nil {
			t.Errorf("%s: %v, %v", name, answer.Stop, answer.Error)
		}
	}
}
