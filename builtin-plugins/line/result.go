package line

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or LINE's error, or why there is no answer.
type result struct {
	value   json.Value
	failure *wit.Error // no answer of LINE's
	status  uint16     // HTTP's
	text    string     // LINE's words
	wait    int64      // for how long it wants to be left alone, in milliseconds
	spent   bool       // the month's messages are used up
}

// decode reads the answer to a call ("Error responses"). Errors are told by the status ("Status codes").
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	r := result{status: response.Status}
	v, err := json.ParseText(body)
	r.value, r.text = v, v.Get("message").Text()
	for detail := range v.Get("details").Items() {
		r.text = texts.Join("; ", r.text, texts.Join(": ", detail.Get("property").Text(), detail.Get("message").Text()))
	}
	for _, h := range response.Headers {
		if strings.EqualFold(h.Name, "Retry-After") {
			if n, err := strconv.ParseInt(h.Value, 10, 64); err == nil {
				r.wait = min(max(n, 0)*1000, account.MaxPause)
			}
		}
	}
	if r.ok() && err != nil {
		r.failure = foreign(response.Status)
	}
	return r
}

// foreign is the failure of a call that somebody else has answered.
func foreign(status uint16) *wit.Error {
	e := wit.NewError(wit.CodeUnavailable, "the answer is not LINE's (status "+strconv.Itoa(int(status))+"); is apiRoot right?")
	e.Retryable = true
	return e
}

// ok reports whether the call did what it should.
func (r result) ok() bool { return r.failure == nil && r.status >= 200 && r.status < 300 }

// refused reports whether LINE refused what was to be sent as it was, and might take it in another form.
func (r result) refused() bool {
	return r.failure == nil && (r.status == 400 || r.status == 413)
}

// meaning is what a status is in the contract's terms: the code, for how many seconds to wait, and what the owner can do.
func (r result) meaning() (code wit.Code, wait int64, hint string) {
	switch {
	case r.status == 401:
		return wit.CodeUnauthorized, 0, "LINE does not take the channel's id and secret: see Basic settings in the LINE Developers Console, and give them with `carapace setup line`"
	case r.status == 403:
		return wit.CodeForbidden, 0, "the account's plan does not allow this"
	case r.status == 404, r.status == 410:
		return wit.CodeNotFound, 0, ""
	case r.status == 409:
		return wit.CodeConflict, 0, ""
	case r.status == 413:
		return wit.CodeTooLarge, 0, ""
	case r.status == 429 && r.spent:
		return wit.CodeRateLimited, 3600, "the account's messages of this month are used up: see its plan in the LINE Official Account Manager. Answers within a minute go on, by reply tokens"
	case r.status == 429:
		return wit.CodeRateLimited, 5, "the account makes too many calls"
	case r.status >= 500:
		return wit.CodeUnavailable, 5, ""
	}
	return wit.CodeInvalid, 0, ""
}

// message is what is wrong, in LINE's words and those of a hint.
func (r result) message() string {
	if r.failure != nil {
		return r.failure.Message
	}
	_, _, hint := r.meaning()
	return texts.Join(": ", "LINE ("+strconv.Itoa(int(r.status))+")", texts.Clip(r.text, 300), hint)
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the secret that the owner sets.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	if r.failure != nil {
		e := *r.failure
		e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
		return &e
	}
	code, wait, _ := r.meaning()
	e := wit.NewError(code, r.message())
	if wait = max(wait*1000, r.wait); wait > 0 && code != wit.CodeInvalid {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}
