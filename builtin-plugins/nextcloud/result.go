package nextcloud

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call came to: the data of the server's answer, its error, or the failure to get one.
type result struct {
	ok         bool
	data       json.Value // of "ocs"
	headers    []wit.Header
	status     int
	words      string // for people
	retryAfter int64  // milliseconds; 0 when the server named no time
	failure    *wit.Error
	tooLarge   bool // the answer was larger than the kernel hands to a plugin
}

// decode reads a response of the OCS API. Whatever comes, it returns something to act on. 304 is an answer without anything new.
func decode(response *wit.HTTPResponse) result {
	switch {
	case response.Error != nil:
		e := response.Error
		return result{failure: e, tooLarge: e.Code == wit.CodeTooLarge}
	case response.Media != nil:
		return result{failure: wit.NewError(wit.CodeTooLarge, "the server's answer is too large"), tooLarge: true}
	}
	r := result{status: int(response.Status), headers: response.Headers}
	if r.status == 304 {
		r.ok = true
		return r
	}
	v, err := json.ParseText(textOf(response.Text))
	meta := v.Get("ocs", "meta")
	r.data = v.Get("ocs", "data")
	if r.ok = err == nil && r.status >= 200 && r.status < 300 && meta.Exists(); r.ok {
		return r
	}
	r.words = r.data.Get("message").Text()
	if r.words == "" {
		r.words = r.data.Get("error").Text()
	}
	if r.words == "" {
		r.words = meta.Get("message").Text()
	}
	if seconds, err := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 32); err == nil && seconds > 0 {
		r.retryAfter = min(seconds*1000, account.MaxPause)
	}
	if !meta.Exists() && r.status < 500 && r.status != 401 && r.status != 429 && r.status != 413 {
		r.failure = wit.NewError(wit.CodeUnavailable, "the answer is not Nextcloud's (status "+strconv.Itoa(r.status)+"); is server right?")
	}
	return r
}

// lost reports whether it is not known what became of a call: it may have taken effect.
func (r result) lost() bool {
	if r.failure != nil {
		return r.failure.Code.Transient() && r.failure.Code != wit.CodeRateLimited
	}
	return !r.ok && r.status >= 500
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the login is
// tried again, with the one that the owner sets.
func (r result) err() error {
	e := r.failure
	switch {
	case r.ok:
		return nil
	case e != nil:
		e = new(*e)
	default:
		e = wit.NewError(r.code(), "Nextcloud: "+r.explanation()+r.advice())
	}
	e.Retryable = e.Retryable || e.Code.Transient() || e.Code == wit.CodeUnauthorized
	if r.retryAfter > 0 {
		e.Retryable, e.RetryAfter = true, &r.retryAfter
	}
	return e
}

// explanation is the server's error in its words.
func (r result) explanation() string {
	if r.words == "" {
		return "status " + strconv.Itoa(r.status)
	}
	return texts.Clip(r.words, 300) + " (" + strconv.Itoa(r.status) + ")"
}

// advice is what the owner can do, where the server's words do not say it.
func (r result) advice() string {
	switch r.status {
	case 401:
		return ": " + howPassword
	case 403:
		return ": the conversation is read-only, or the bot may not write there"
	case 404:
		return ": it was deleted, or the bot is not in the conversation"
	case 412:
		return ": the conversation has its lobby open, and the bot has to wait there"
	case 503:
		return ": the server is in maintenance"
	}
	return ""
}

// code says in the contract's codes what a status means ("Chat management", responses).
func (r result) code() wit.Code {
	switch {
	case r.status == 401:
		return wit.CodeUnauthorized
	case r.status == 403 || r.status == 412:
		return wit.CodeForbidden
	case r.status == 404:
		return wit.CodeNotFound
	case r.status == 409:
		return wit.CodeConflict
	case r.status == 413 || r.status == 507:
		return wit.CodeTooLarge
	case r.status == 429:
		return wit.CodeRateLimited
	case r.status >= 500:
		return wit.CodeUnavailable
	}
	return wit.CodeInvalid
}
