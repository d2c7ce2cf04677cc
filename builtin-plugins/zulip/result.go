package zulip

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call came to: the server's answer, its error ("Error handling"), or the failure to get one.
type result struct {
	ok         bool
	value      json.Value // the answer
	status     int
	code       string // such as BAD_REQUEST
	words      string // for people
	retryAfter int64  // milliseconds; 0 when the server named no time
	failure    *wit.Error
	tooLarge   bool // the answer was larger than the kernel hands to a plugin
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	switch {
	case response.Error != nil:
		e := response.Error
		return result{failure: e, tooLarge: e.Code == wit.CodeTooLarge}
	case response.Media != nil:
		return result{failure: wit.NewError(wit.CodeTooLarge, "the server's answer is too large"), tooLarge: true}
	}
	r := result{status: int(response.Status)}
	v, err := json.ParseText(textOf(response.Text))
	if r.ok = err == nil && r.status >= 200 && r.status < 300 && v.Get("result").Text() == "success"; r.ok {
		r.value = v
		return r
	}
	r.code, r.words = v.Get("code").Text(), v.Get("msg").Text()
	r.retryAfter = waits(response, v)
	if v.Get("result").Text() != "error" && r.status != 429 && r.status < 500 && r.status != 413 {
		r.failure = wit.NewError(wit.CodeUnavailable, "the answer is not Zulip's (status "+strconv.Itoa(r.status)+"); is site right?")
	}
	return r
}

// waits is for how long a server wants to be left alone ("Rate limits"), in milliseconds.
func waits(response *wit.HTTPResponse, v json.Value) int64 {
	seconds := v.Get("retry-after").Float()
	if seconds <= 0 {
		seconds, _ = strconv.ParseFloat(sdk.Header(response.Headers, "Retry-After"), 64)
	}
	if !(seconds > 0) { // nor what is no number
		return 0
	}
	return int64(min(seconds*1000+1, account.MaxPause))
}

// is reports whether the server has answered with this error.
func (r result) is(code string) bool { return !r.ok && r.failure == nil && r.code == code }

// refused reports whether the server itself does not take a call, and will not.
func (r result) refused() bool {
	code := r.contractCode()
	return !r.ok && r.failure == nil && !code.Transient() && code != wit.CodeUnauthorized
}

// lost reports whether it is not known what became of a call: it may have taken effect.
func (r result) lost() bool {
	if r.failure != nil {
		return r.failure.Code.Transient() && r.failure.Code != wit.CodeRateLimited
	}
	return !r.ok && r.status >= 500
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the API key is
// tried again, with the one that the owner sets.
func (r result) err() error {
	e := r.failure
	switch {
	case r.ok:
		return nil
	case e != nil:
		e = new(*e)
		e.Retryable = e.Retryable || e.Code.Transient()
	default:
		e = wit.NewError(r.contractCode(), "Zulip: "+r.explanation()+r.advice())
		e.Retryable = e.Code.Transient()
	}
	if r.retryAfter > 0 {
		e.Retryable, e.RetryAfter = true, &r.retryAfter
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}

// explanation is the server's error in its words.
func (r result) explanation() string {
	switch {
	case r.words == "" && r.code == "":
		return "status " + strconv.Itoa(r.status)
	case r.words == "":
		return r.code
	}
	return r.words
}

// advice is what the owner can do, where the server's words do not say it.
func (r result) advice() string {
	switch r.code {
	case "STREAM_DOES_NOT_EXIST":
		return ": the channel was deleted, or the bot is not subscribed to it"
	case "INVALID_API_KEY", "UNAUTHORIZED":
		return ": " + howKey
	}
	return ""
}

// contractCode says in the contract's codes what a code of Zulip's means ("Error handling", and the errors that the calls'
// pages list), or the status where the code does not say.
func (r result) contractCode() wit.Code {
	switch r.code {
	case "INVALID_API_KEY", "UNAUTHORIZED", "UNAUTHENTICATED_USER", "USER_DEACTIVATED", "REALM_DEACTIVATED":
		return wit.CodeUnauthorized
	case "RATE_LIMIT_HIT":
		return wit.CodeRateLimited
	case "STREAM_DOES_NOT_EXIST", "NONEXISTENT_SUBDOMAIN":
		return wit.CodeNotFound
	case "STREAM_WILDCARD_MENTION_NOT_ALLOWED", "TOPIC_WILDCARD_MENTION_NOT_ALLOWED", "UNAUTHORIZED_PRINCIPAL",
		"MOVE_MESSAGES_TIME_LIMIT_EXCEEDED", "SYSTEM_GROUP_REQUIRED":
		return wit.CodeForbidden
	case "EXPECTATION_MISMATCH", "REACTION_ALREADY_EXISTS":
		return wit.CodeConflict
	case "REACTION_DOES_NOT_EXIST":
		return wit.CodeNotFound
	}
	switch {
	case r.status == 429:
		return wit.CodeRateLimited
	case r.status == 413:
		return wit.CodeTooLarge
	case r.status == 401:
		return wit.CodeUnauthorized
	case r.status == 403:
		return wit.CodeForbidden
	case r.status == 404:
		return wit.CodeNotFound
	case r.status >= 500:
		return wit.CodeUnavailable
	}
	return wit.CodeInvalid
}
