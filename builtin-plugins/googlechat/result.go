package googlechat

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or Google's error, or why there is no answer.
type result struct {
	value   json.Value
	failure *wit.Error // no answer of Google's
	status  uint16     // HTTP's, of an error
	code    string     // Google's, of an error, such as NOT_FOUND
	text    string     // its words
	wait    int64      // what Retry-After asks for, in milliseconds
}

// maxWait bounds what may be asked for, in seconds; the others are waited for where nothing says how long, in milliseconds.
const (
	maxWait     = 24 * 60 * 60
	waitLimited = 10_000 // quotas are counted by minutes (Usage limits)
	waitBusy    = 2_000
)

// decode reads the answer to a call (google.rpc.Status).
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	v, err := json.ParseText(body)
	e := v.Get("error")
	if err != nil || response.Status >= 300 && !e.Exists() && response.Status < 500 {
		f := wit.NewError(wit.CodeUnavailable, "the answer is not the Chat API's (status "+strconv.Itoa(int(response.Status))+"); is apiRoot right?")
		f.Retryable = true
		return result{failure: f}
	}
	if response.Status < 300 {
		return result{value: v}
	}
	r := result{status: response.Status, code: e.Get("status").Text(), text: e.Get("message").Text()}
	if n, err := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 64); err == nil {
		r.wait = min(max(n, 0), maxWait) * 1000
	}
	return r
}

// ok reports whether the call did what it should.
func (r result) ok() bool { return r.failure == nil && r.status == 0 }

// refused reports whether what was to be sent was refused as it was, and might be taken in another form.
func (r result) refused() bool { return r.failure == nil && r.status == 400 }

// meaning tells what an error is in the contract's terms, how long to wait, and what the owner can do.
func (r result) meaning() (code wit.Code, wait int64, hint string) {
	switch r.status {
	case 401:
		return wit.CodeUnauthorized, 0, "Google does not take the app's token: is the service account one of the project that has the Chat app? `carapace setup googlechat` asks for its key"
	case 403:
		if strings.Contains(r.code, "DISABLED") || strings.Contains(r.text, "has not been used") {
			return wit.CodeUnauthorized, 0, "enable the Google Chat API in the Google Cloud console"
		}
		return wit.CodeForbidden, 0, "is the app a member of the space?"
	case 404:
		return wit.CodeNotFound, 0, ""
	case 409:
		return wit.CodeConflict, 0, ""
	case 413:
		return wit.CodeTooLarge, 0, ""
	case 429:
		return wit.CodeRateLimited, waitLimited, ""
	}
	if r.status >= 500 {
		return wit.CodeUnavailable, waitBusy, ""
	}
	return wit.CodeInvalid, 0, ""
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the one that the owner's key gets.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	if r.failure != nil {
		e := *r.failure
		if e.Code == wit.CodeUnauthorized {
			e.Message += "; the key is the field private_key of a key file of the service account, and may have been deleted there: `carapace setup googlechat` asks for another"
		}
		e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
		return &e
	}
	code, wait, hint := r.meaning()
	said := r.code
	if said == "" {
		said = strconv.Itoa(int(r.status))
	}
	e := wit.NewError(code, texts.Join(": ", "Google Chat", r.text)+" ("+said+")")
	e.Message = texts.Join(": ", e.Message, hint)
	if r.wait > 0 {
		wait = r.wait
	}
	if wait > 0 && code.Transient() {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || code == wit.CodeUnauthorized
	return e
}
