package reply_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

func answered(status uint16, body string, headers ...wit.Header) *wit.HTTPResponse {
	return &wit.HTTPResponse{Status: status, Text: &body, Headers: headers}
}

func TestRead(t *testing.T) {
	r := reply.Read(answered(200, `{"a":1}`, wit.Header{Name: "retry-after", Value: "2"}))
	if !r.Success() || r.Value.Get("a").Int() != 1 || r.Wait != 2000 || r.Lost() || r.Silent() {
		t.Errorf("%+v", r)
	}
	r = reply.Read(answered(429, "no", wit.Header{Name: "Retry-After", Value: "999999999"}))
	if r.Success() || r.Body != "no" || r.Value.Exists() || r.Wait != 24*60*60*1000 {
		t.Errorf("%+v", r)
	}
	for code, want := range map[wit.Code]bool{wit.CodeTimeout: true, wit.CodeUnavailable: true, wit.CodeRateLimited: false, wit.CodeForbidden: false} {
		if r := reply.Read(&wit.HTTPResponse{Error: wit.NewError(code, "…")}); r.Lost() != want || r.Success() {
			t.Errorf("%s: %+v", code, r)
		}
	}
	if r := reply.Read(answered(502, "")); !r.Lost() {
		t.Error("a request that a proxy failed at is taken for one that did nothing")
	}
	media := "media:1"
	if r := reply.Whole(&wit.HTTPResponse{Status: 200, Media: &media}, "X"); r.Success() || r.Failure.Code != wit.CodeTooLarge || r.Failure.Message != "X's answer is too large" {
		t.Errorf("%+v", r)
	}
	if r := reply.Read(&wit.HTTPResponse{Status: 200, Media: &media}); !r.Large || !r.Success() {
		t.Errorf("%+v", r)
	}
}

func TestError(t *testing.T) {
	failed := func(code wit.Code) *wit.HTTPResponse {
		return &wit.HTTPResponse{Error: wit.NewError(code, "it is down")}
	}
	for name, c := range map[string]struct {
		response *wit.HTTPResponse
		want     string
		retry    bool
		after    int64
	}{
		"a limit":          {answered(429, "", wit.Header{Name: "Retry-After", Value: "7"}), "rate_limited: X: status 429", true, 7000},
		"a limit untimed":  {answered(429, ""), "rate_limited: X: status 429", true, 5000},
		"busy":             {answered(503, ""), "unavailable: X: status 503", true, 0},
		"a token":          {answered(401, ""), "unauthorized: X: status 401", true, 0},
		"forbidden":        {answered(403, "", wit.Header{Name: "Retry-After", Value: "7"}), "forbidden: X: status 403", false, 0},
		"invalid":          {answered(400, ""), "invalid: X: status 400", false, 0},
		"nothing answered": {failed(wit.CodeUnavailable), "unavailable: it is down", true, 0},
		"no credential":    {failed(wit.CodeUnauthorized), "unauthorized: it is down", true, 0},
		"a wrong request":  {failed(wit.CodeInvalid), "invalid: it is down", false, 0},
	} {
		before := wit.Error{}
		if c.response.Error != nil {
			before = *c.response.Error
		}
		r := reply.Read(c.response)
		e := r.Error(r.Meaning(), r.Message("X", "", "", ""))
		after := int64(0)
		if e.RetryAfter != nil {
			after = *e.RetryAfter
		}
		if got := string(e.Code) + ": " + e.Message; got != c.want || e.Retryable != c.retry || after != c.after {
			t.Errorf("%s: %s (again %v, after %d), want %+v", name, got, e.Retryable, after, c)
		}
		if c.response.Error != nil && c.response.Error.Retryable != before.Retryable {
			t.Errorf("%s: the response was changed", name)
		}
	}
	for m, want := range map[reply.Meaning]int64{{Code: wit.CodeRateLimited, Wait: 3_600_000}: 3_600_000, {Code: wit.CodeRateLimited, Wait: 1}: 7000} {
		r := reply.Read(answered(429, "", wit.Header{Name: "Retry-After", Value: "7"}))
		if e := r.Error(m, ""); *e.RetryAfter != want {
			t.Errorf("%+v: after %d, want %d", m, *e.RetryAfter, want)
		}
		if r.Unsaid(5) != 0 || (reply.Reply{}).Unsaid(5) != 5 {
			t.Error("what the platform says does not count")
		}
	}
	r := reply.Read(answered(502, "<html>"))
	if r.Foreign("X", "apiRoot"); r.Error(reply.Meaning{}, "").Message != "the answer is not X's (status 502); is apiRoot right?" {
		t.Errorf("%+v", r.Failure)
	}
}

func TestMessage(t *testing.T) {
	r := reply.Read(answered(400, ""))
	for _, c := range [][4]string{
		{"", "", "", "X: status 400"},
		{"It is wrong.", "", "", "X: It is wrong"},
		{"wrong", "17", "do it right", "X: wrong (17): do it right"},
		{"", "E_WRONG", "", "X: E_WRONG"},
		{"wrong (#17)", "17", "", "X: wrong (#17)"},
	} {
		if got := r.Message("X", c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%q: %q, want %q", c[:3], got, c[3])
		}
	}
}
