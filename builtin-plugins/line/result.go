package line

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or LINE's error, or why there is no answer.
type result struct {
	reply.Reply
	text  string // LINE's words
	spent bool   // the month's messages are used up
}

// decode reads the answer to a call ("Error responses"). Errors are told by the status ("Status codes").
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	r.text = r.Value.Get("message").Text()
	for detail := range r.Value.Get("details").Items() {
		r.text = texts.Join("; ", r.text, texts.Join(": ", detail.Get("property").Text(), detail.Get("message").Text()))
	}
	if r.Success() && !r.Value.Exists() {
		r.foreign()
	}
	return r
}

// foreign makes a failure of what somebody else has answered.
func (r *result) foreign() { r.Foreign("LINE", "apiRoot") }

// refused reports whether LINE refused what was to be sent as it was, and might take it in another form.
func (r result) refused() bool {
	return r.Failure == nil && (r.Status == 400 || r.Status == 413)
}

// meaning is what the status is in the contract's terms.
func (r result) meaning() reply.Meaning {
	m := r.Meaning()
	switch {
	case r.Status == 401:
		m.Hint = "LINE does not take the channel's id and secret: see Basic settings in the LINE Developers Console, and give them with `carapace setup line`"
	case r.Status == 403:
		m.Hint = "the account's plan does not allow this"
	case r.Status == 429 && r.spent:
		m.Wait = 3600_000
		m.Hint = "the account's messages of this month are used up: see its plan in the LINE Official Account Manager. Answers within a minute go on, by reply tokens"
	case r.Status == 429:
		m.Hint = "the account makes too many calls"
	}
	return m
}

// message is what is wrong, in LINE's words and those of a hint.
func (r result) message() string {
	return r.Message("LINE", r.text, strconv.Itoa(int(r.Status)), r.meaning().Hint)
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.Success() {
		return nil
	}
	return r.Error(r.meaning(), r.message())
}
