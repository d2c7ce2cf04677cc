package telegram

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a Bot API call came to: Telegram's answer ("Making requests", ResponseParameters), or the
// failure to get one.
type result struct {
	ok          bool
	value       json.Value // what Telegram calls result
	code        int64      // Telegram's error_code; 0 when Telegram did not answer
	description string
	retryAfter  int64      // milliseconds; 0 when Telegram named no time
	migratedTo  string     // the new id of a group that became a supergroup
	failure     *wit.Error // why there is no answer of Telegram's
	silent      bool       // nobody has answered
	tooLarge    bool       // the answer was larger than the kernel hands to a plugin as text
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	switch {
	case response.Error != nil:
		return result{failure: response.Error, silent: response.Error.Code.Transient()}
	case response.Media != nil:
		return result{failure: wit.NewError(wit.CodeTooLarge, "Telegram's answer is too large"), tooLarge: true}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	v, err := json.ParseText(body)
	if err != nil || !v.Get("ok").Exists() {
		return result{failure: wit.NewError(wit.CodeUnavailable, "the answer is not Telegram's (status "+strconv.Itoa(int(response.Status))+"); is apiRoot right?")}
	}
	r := result{ok: v.Get("ok").Bool(), value: v.Get("result")}
	if r.ok {
		return r
	}
	r.code = v.Get("error_code").Int()
	if r.code == 0 {
		r.code = int64(response.Status)
	}
	r.description = v.Get("description").Text()
	parameters := v.Get("parameters")
	r.retryAfter = min(max(parameters.Get("retry_after").Int(), 0), maxRetryAfter) * 1000
	r.migratedTo = parameters.Get("migrate_to_chat_id").Text()
	return r
}

// maxRetryAfter bounds what a server may ask for, in seconds: after a day it is tried again anyway.
const maxRetryAfter = 24 * 60 * 60

// says reports whether Telegram's description has a phrase. It is the only thing by which one 400
// can be told from another.
func (r result) says(phrase string) bool { return strings.Contains(r.description, phrase) }

// dislikesFormatting reports whether Telegram would take the text without its formatting: it cannot read it, or
// what it shows (a table, say) is longer than what was written.
func (r result) dislikesFormatting() bool {
	return r.code == 400 && (r.says("can't parse entities") || r.says("ENTIT") || r.says("is too long"))
}

// lostTopic reports whether the topic that was named is not there.
func (r result) lostTopic() bool {
	return r.code == 400 && (r.says("message thread not found") || r.says("TOPIC_DELETED"))
}

// refused reports whether Telegram, or the kernel on the way to it, refused what was to be sent, and will again.
func (r result) refused() bool {
	if r.failure != nil {
		return !r.failure.Code.Transient()
	}
	return !r.ok && (r.code == 400 || r.code == 413) && !r.says("chat not found")
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	switch {
	case r.ok:
		return nil
	case r.failure != nil:
		return r.failure
	}
	e := wit.NewError(r.errorCode(), "Telegram: "+r.description)
	if r.retryAfter > 0 {
		e.Retryable, e.RetryAfter = true, &r.retryAfter
	}
	return e
}

// errorCode says in the contract's codes what Telegram's error_code, an HTTP status, means. What is forbidden stays so
// until the other side changes its mind: the bot was blocked, or put out of the group; nobody tries that again.
func (r result) errorCode() wit.Code {
	switch {
	case r.code == 429:
		return wit.CodeRateLimited
	case r.code == 401 || r.code == 404: // a token of the wrong form makes every path unknown
		return wit.CodeUnauthorized
	case r.code == 403:
		return wit.CodeForbidden
	case r.code == 409:
		return wit.CodeConflict
	case r.code == 413 || r.says("is too long") || r.says("is too big"):
		return wit.CodeTooLarge
	case r.code >= 500:
		return wit.CodeUnavailable
	case r.says("not found"):
		return wit.CodeNotFound
	}
	return wit.CodeInvalid
}
