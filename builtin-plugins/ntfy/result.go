package ntfy

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a request: an answer, or the server's error, or why there is none.
type result struct {
	value   json.Value // of an answer that is one object
	body    string
	large   bool       // the answer is too large to be read
	failure *wit.Error // no answer of ntfy's
	status  uint16     // HTTP's, of an error
	code    int64      // ntfy's, of an error
	text    string     // ntfy's words
	wait    int64      // what Retry-After asks for, in milliseconds
}

// maxWait bounds what may be asked for, in seconds.
const maxWait = 24 * 60 * 60

// decode reads the answer to a request. An answer with nothing in it is a poll's that has found nothing.
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	r := result{large: response.Media != nil && *response.Media != ""}
	if response.Text != nil {
		r.body = *response.Text
	}
	line, _, _ := strings.Cut(strings.TrimSpace(r.body), "\n")
	v, err := json.ParseText(line)
	if response.Status >= 200 && response.Status < 300 {
		if err != nil && line != "" || err == nil && !v.IsObject() {
			r.failure = foreign(response.Status)
		}
		r.value = v
		return r
	}
	r.status, r.code, r.text = response.Status, v.Get("code").Int(), v.Get("error").Text()
	if n, err := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 64); err == nil {
		r.wait = min(max(n, 0), maxWait) * 1000
	}
	if r.code == 0 && (r.status < 400 || r.status >= 500) {
		r.failure = foreign(response.Status)
	}
	return r
}

// foreign is the failure of a request that somebody else has answered.
func foreign(status uint16) *wit.Error {
	e := wit.NewError(wit.CodeUnavailable, "the answer is not an ntfy server's (status "+strconv.Itoa(int(status))+"); is server right?")
	e.Retryable = true
	return e
}

// ok reports whether the request did what it should.
func (r result) ok() bool { return r.failure == nil && r.status == 0 }

// refused reports whether the server would not have a message as it was, and might have it in another form.
func (r result) refused() bool {
	if r.failure != nil {
		return !r.failure.Code.Transient() && r.failure.Code != wit.CodeUnauthorized
	}
	code := r.meaning().code
	return !r.ok() && (code == wit.CodeInvalid || code == wit.CodeTooLarge)
}

// lost reports whether the request may have done its work although no answer came.
func (r result) lost() bool {
	return r.failure != nil && (r.failure.Code == wit.CodeTimeout || r.failure.Code == wit.CodeUnavailable) || r.status >= 500
}

// meaning is what an error is in the contract's terms.
type meaning struct {
	code wit.Code
	wait int64  // in seconds, until it may be tried again; 0 is not by itself
	hint string // what the owner can do
}

const (
	tokenHint  = "the server does not take the access token: make one in its web app, Account > Access tokens, or with `ntfy token add USER`, and give it with `carapace setup ntfy`"
	accessHint = "the account may not use this topic: give it the right with `ntfy access USER TOPIC rw`, or set the token of one that may with `carapace setup ntfy`"
	quotaHint  = "the day's messages are used up on this server"
)

// meanings are ntfy's codes that are worth a word; others are told by the HTTP status, with which they begin.
var meanings = map[int64]meaning{
	40010: {wit.CodeForbidden, 0, "the server keeps this topic's name for itself: choose another one"},
	40014: {wit.CodeInvalid, 0, "the server takes no files: it has no attachment-cache-dir"},
	40101: {wit.CodeUnauthorized, 0, tokenHint},
	40301: {wit.CodeForbidden, 0, accessHint},
	41301: {wit.CodeTooLarge, 0, "the file is larger than the server takes, or its space is used up"},
	42901: {wit.CodeRateLimited, 5, ""},
	42903: {wit.CodeRateLimited, 60, "there are too many subscriptions from this address"},
	42904: {wit.CodeRateLimited, 600, "the server has too many topics: ask who runs it"},
	42905: {wit.CodeTooLarge, 0, "the day's traffic for files is used up on this server"},
	42908: {wit.CodeRateLimited, 3600, quotaHint},
	42909: {wit.CodeRateLimited, 60, "too many wrong logins came from this address"},
}

// meaning tells what the error is.
func (r result) meaning() meaning {
	if m, known := meanings[r.code]; known {
		return m
	}
	switch {
	case r.status == 401:
		return meanings[40101]
	case r.status == 403:
		return meanings[40301]
	case r.status == 404:
		return meaning{wit.CodeNotFound, 0, "is server right?"}
	case r.status == 413:
		return meaning{code: wit.CodeTooLarge}
	case r.status == 429:
		return meaning{code: wit.CodeRateLimited, wait: 30}
	case r.status >= 500:
		return meaning{code: wit.CodeUnavailable, wait: 5}
	}
	return meaning{code: wit.CodeInvalid}
}

// message is what is wrong, in ntfy's words and those of a hint.
func (r result) message() string {
	if r.failure != nil {
		return r.failure.Message
	}
	text := texts.Join(": ", "ntfy", r.text)
	if r.code != 0 {
		text += " (" + strconv.FormatInt(r.code, 10) + ")"
	}
	return texts.Join(": ", text, r.meaning().hint)
}

// err is the error for a request that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the one that the owner sets.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	if r.failure != nil {
		e := *r.failure
		e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
		return &e
	}
	m := r.meaning()
	e := wit.NewError(m.code, r.message())
	if wait := max(m.wait*1000, r.wait); wait > 0 {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}
