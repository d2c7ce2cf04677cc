package ntfy

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a request: an answer, of which one object is the value, or the server's error, or why there is none.
type result struct {
	reply.Reply
	code int64  // ntfy's, of an error
	text string // ntfy's words
}

// decode reads the answer to a request. An answer with nothing in it is a poll's that has found nothing.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	if r.Failure != nil {
		return r
	}
	line, _, _ := strings.Cut(strings.TrimSpace(r.Body), "\n")
	r.Value, _ = json.ParseText(line)
	if r.Success() {
		if line != "" && !r.Value.IsObject() {
			r.foreign()
		}
		return r
	}
	r.code, r.text = r.Value.Get("code").Int(), r.Value.Get("error").Text()
	if r.code == 0 && (r.Status < 400 || r.Status >= 500) {
		r.foreign()
	}
	return r
}

// foreign makes a failure of what somebody else has answered.
func (r *result) foreign() { r.Foreign("ntfy", "server") }

// refused reports whether the server would not have a message as it was, and might have it in another form.
func (r result) refused() bool {
	if r.Failure != nil {
		return !r.Failure.Code.Transient() && r.Failure.Code != wit.CodeUnauthorized
	}
	code := r.meaning().Code
	return !r.Success() && (code == wit.CodeInvalid || code == wit.CodeTooLarge)
}

const (
	tokenHint  = "the server does not take the access token: make one in its web app, Account > Access tokens, or with `ntfy token add USER`, and give it with `carapace setup ntfy`"
	accessHint = "the account may not use this topic: give it the right with `ntfy access USER TOPIC rw`, or set the token of one that may with `carapace setup ntfy`"
	quotaHint  = "the day's messages are used up on this server"
)

// meanings are ntfy's codes that are worth a word; others are told by the HTTP status, with which they begin.
var meanings = map[int64]reply.Meaning{
	40010: {Code: wit.CodeForbidden, Hint: "the server keeps this topic's name for itself: choose another one"},
	40014: {Code: wit.CodeInvalid, Hint: "the server takes no files: it has no attachment-cache-dir"},
	40101: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	40301: {Code: wit.CodeForbidden, Hint: accessHint},
	41301: {Code: wit.CodeTooLarge, Hint: "the file is larger than the server takes, or its space is used up"},
	42901: {Code: wit.CodeRateLimited, Wait: 5_000},
	42903: {Code: wit.CodeRateLimited, Wait: 60_000, Hint: "there are too many subscriptions from this address"},
	42904: {Code: wit.CodeRateLimited, Wait: 600_000, Hint: "the server has too many topics: ask who runs it"},
	42905: {Code: wit.CodeTooLarge, Hint: "the day's traffic for files is used up on this server"},
	42908: {Code: wit.CodeRateLimited, Wait: 3600_000, Hint: quotaHint},
	42909: {Code: wit.CodeRateLimited, Wait: 60_000, Hint: "too many wrong logins came from this address"},
}

// meaning tells what the error is.
func (r result) meaning() reply.Meaning {
	if m, known := meanings[r.code]; known {
		return m
	}
	m := r.Meaning()
	switch r.Status {
	case 401:
		return meanings[40101]
	case 403:
		return meanings[40301]
	case 404:
		m.Hint = "is server right?"
	case 429:
		m.Wait = 30_000
	}
	return m
}

// message is what is wrong, in ntfy's words and those of a hint.
func (r result) message() string {
	return r.Message("ntfy", r.text, reply.Number(r.code), r.meaning().Hint)
}

// err is the error for a request that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.Success() {
		return nil
	}
	return r.Error(r.meaning(), r.message())
}
