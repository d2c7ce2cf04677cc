package googlechat

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or Google's error, or why there is no answer.
type result struct {
	reply.Reply
	code string // Google's, of an error, such as NOT_FOUND
	text string // its words
}

// What is waited for where nothing says how long, in milliseconds.
const (
	waitLimited = 10_000 // quotas are counted by minutes (Usage limits)
	waitBusy    = 2_000
)

// decode reads the answer to a call (google.rpc.Status).
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	e := r.Value.Get("error")
	if r.Failure == nil && (!r.Value.Exists() || r.Status >= 300 && !e.Exists() && r.Status < 500) {
		r.Foreign("the Chat API", "apiRoot")
	}
	r.code, r.text = e.Get("status").Text(), e.Get("message").Text()
	return r
}

// refused reports whether what was to be sent was refused as it was, and might be taken in another form.
func (r result) refused() bool { return r.Failure == nil && r.Status == 400 }

// meaning tells what an error is.
func (r result) meaning() reply.Meaning {
	m := r.Meaning()
	switch {
	case r.Status == 401:
		m.Hint = "Google does not take the app's token: is the service account one of the project that has the Chat app? `carapace setup googlechat` asks for its key"
	case r.Status == 403 && (strings.Contains(r.code, "DISABLED") || strings.Contains(r.text, "has not been used")):
		m = reply.Meaning{Code: wit.CodeUnauthorized, Hint: "enable the Google Chat API in the Google Cloud console"}
	case r.Status == 403:
		m.Hint = "is the app a member of the space?"
	case r.Status == 429:
		m.Wait = r.Unsaid(waitLimited)
	case r.Status >= 500:
		m.Wait = r.Unsaid(waitBusy)
	}
	return m
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.Success() {
		return nil
	}
	m := r.meaning()
	e := r.Error(m, r.Message("Google Chat", r.text, cmp.Or(r.code, strconv.Itoa(int(r.Status))), m.Hint))
	if r.Failure != nil && e.Code == wit.CodeUnauthorized {
		e.Message += "; the key is the field private_key of a key file of the service account, and may have been deleted there: `carapace setup googlechat` asks for another"
	}
	return e
}
