package matrix

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call came to: the server's answer, its error ("Standard error response"), or the failure to get
// one.
type result struct {
	ok         bool
	value      json.Value // the answer
	status     int
	errcode    string // M_…
	words      string // for people
	retryAfter int64  // milliseconds; 0 when the server named no time
	softLogout bool   // the login has ended, and what belongs to it may be kept ("Soft logout")
	failure    *wit.Error
	silent     bool // nobody has answered
	tooLarge   bool // the answer was larger than the kernel hands to a plugin
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	switch {
	case response.Error != nil:
		e := response.Error
		return result{failure: e, silent: e.Code.Transient(), tooLarge: e.Code == wit.CodeTooLarge}
	case response.Media != nil:
		return result{failure: wit.NewError(wit.CodeTooLarge, "the server's answer is too large"), tooLarge: true}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	r := result{status: int(response.Status)}
	v, err := json.ParseText(body)
	if r.ok = err == nil && r.status >= 200 && r.status < 300 && v.IsObject(); r.ok {
		r.value = v
		return r
	}
	r.errcode, r.words = v.Get("errcode").Text(), v.Get("error").Text()
	if r.errcode == "" {
		r.failure = wit.NewError(wit.CodeUnavailable, "the answer is not a Matrix server's (status "+strconv.Itoa(r.status)+"); is homeserver right?")
	}
	r.retryAfter = min(max(v.Get("retry_after_ms").Int(), 0), account.MaxPause)
	if seconds, err := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 32); err == nil && r.retryAfter == 0 && seconds > 0 {
		r.retryAfter = min(seconds*1000, account.MaxPause)
	}
	r.softLogout = v.Get("soft_logout").Bool()
	return r
}

// is reports whether the server has answered with this error.
func (r result) is(errcode string) bool { return r.errcode == errcode }

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is
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
		e = wit.NewError(r.code(), "Matrix: "+r.explanation()+r.advice())
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
	if r.words == "" {
		return r.errcode
	}
	return r.words + " (" + r.errcode + ")"
}

// advice is what the owner can do, where the server's words do not say it.
func (r result) advice() string {
	switch r.errcode {
	case "M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN":
		return ": invite the bot to the room, or let it speak there (its power level)"
	case "M_CONSENT_NOT_GIVEN":
		return ": log in as the bot with a Matrix app and accept the server's terms"
	case "M_RESOURCE_LIMIT_EXCEEDED":
		return ": ask whoever runs the server"
	case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN":
		return ": " + howToken
	case "M_NOT_FOUND":
		return ": it was deleted, or the bot is not in the room"
	}
	return ""
}

// howToken says what to do without a token that is good.
const howToken = "get a new access token for the bot and give it with `carapace setup matrix`"

// code says in the contract's codes what an errcode means ("Common error codes", "Other error codes"), or the status
// where that is the server's own word.
func (r result) code() wit.Code {
	switch r.errcode {
	case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED", "M_UNAUTHORIZED":
		return wit.CodeUnauthorized
	case "M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN", "M_CONSENT_NOT_GIVEN", "M_RESOURCE_LIMIT_EXCEEDED", "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM":
		return wit.CodeForbidden
	case "M_LIMIT_EXCEEDED":
		return wit.CodeRateLimited
	case "M_TOO_LARGE":
		return wit.CodeTooLarge
	case "M_NOT_FOUND":
		return wit.CodeNotFound
	case "M_DUPLICATE_ANNOTATION", "M_ROOM_IN_USE":
		return wit.CodeConflict
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
	case r.status >= 500:
		return wit.CodeUnavailable
	}
	return wit.CodeInvalid
}
