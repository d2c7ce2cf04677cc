package discord

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call of the API came to: Discord's answer, or the failure to get one.
type result struct {
	ok         bool
	value      json.Value
	status     int64
	code       int64 // Discord's own ("JSON Error Codes"); 0 when it named none
	message    string
	retryAfter int64      // milliseconds; 0 when Discord named no time
	resetAfter int64      // milliseconds after which one more such call may be made; 0 when it may be made at once
	failure    *wit.Error // why there is no answer of Discord's
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{status: int64(response.Status), failure: response.Error}
	switch {
	case r.failure != nil:
		return r
	case response.Media != nil:
		r.failure = wit.NewError(wit.CodeTooLarge, "Discord's answer is too large")
		return r
	}
	if sdk.Header(response.Headers, "X-RateLimit-Remaining") == "0" {
		r.resetAfter = milliseconds(sdk.Header(response.Headers, "X-RateLimit-Reset-After"))
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	r.ok = r.status >= 200 && r.status < 300
	if r.ok && body == "" {
		return r // 204
	}
	v, err := json.ParseText(body)
	if err != nil {
		if r.ok || r.status < 429 {
			r.ok, r.failure = false, wit.NewError(wit.CodeUnavailable, "the answer is not Discord's (status "+strconv.FormatInt(r.status, 10)+"); is apiRoot right?")
		}
		r.wait(json.Value{}, response.Headers)
		return r
	}
	if r.value = v; !r.ok {
		r.code, r.message = v.Get("code").Int(), explain(v)
		r.wait(v, response.Headers)
	}
	return r
}

// wait reads how long Discord is to be left alone ("Exceeding A Rate Limit"); in front of it stands a proxy that says it in a
// header alone.
func (r *result) wait(v json.Value, headers []wit.Header) {
	r.retryAfter = int64(v.Get("retry_after").Float() * 1000)
	if r.retryAfter <= 0 {
		r.retryAfter = milliseconds(sdk.Header(headers, "Retry-After"))
	}
	r.retryAfter = min(max(r.retryAfter, 0), account.MaxPause)
}

// milliseconds reads a number of seconds with a fraction; 0 for what is none.
func milliseconds(seconds string) int64 {
	f, err := strconv.ParseFloat(seconds, 64)
	if err != nil || !(f > 0) {
		return 0
	}
	return int64(min(f*1000, account.MaxPause))
}

// maxExplained bounds how many of a form's errors are told.
const maxExplained = 3

// explain is Discord's word about what is wrong, with those about the fields that are (Error Messages).
func explain(v json.Value) string {
	var fields []string
	fieldErrors(v.Get("errors"), "", &fields)
	words := v.Get("message").Text()
	if len(fields) > 0 {
		words += ": " + strings.Join(fields, "; ")
	}
	return words
}

func fieldErrors(v json.Value, path string, out *[]string) {
	for key, f := range v.Fields() {
		if len(*out) >= maxExplained {
			return
		}
		if key != "_errors" {
			fieldErrors(f, strings.TrimPrefix(path+"."+key, "."), out)
			continue
		}
		for e := range f.Items() {
			*out = append(*out, path+" "+e.Get("message").Text())
			break
		}
	}
}

// hasFieldError reports whether a form was refused because of one of its fields.
func (r result) hasFieldError(field string) bool {
	return r.code == errorForm && r.value.Get("errors", field).Exists()
}

// What Discord's own codes mean here ("JSON Error Codes").
const (
	errorUnknownChannel    = 10003
	errorUnknownMessage    = 10008
	errorUnknownUser       = 10013
	errorUnknownEmoji      = 10014
	errorSlowmode          = 20016
	errorChannelWriteRate  = 20028
	errorMaxEdits          = 30046
	errorTooLarge          = 40005
	errorMissingAccess     = 50001
	errorNotAuthor         = 50005
	errorEmptyMessage      = 50006
	errorCannotSendToUser  = 50007
	errorNotText           = 50008
	errorMissingPermission = 50013
	errorRecipient         = 50033
	errorForm              = 50035
	errorArchivedThread    = 50083
	errorCannotReply       = 160002
	errorLockedThread      = 160005
)

// lostThread reports whether the thread that is meant is not there any more, or is closed.
func (r result) lostThread() bool {
	return r.code == errorUnknownChannel || r.code == errorArchivedThread || r.code == errorLockedThread
}

// lostReply reports whether the message to be answered cannot be answered: it is a system message, or the bot may not read
// what was said before.
func (r result) lostReply() bool {
	return r.code == errorCannotReply || r.hasFieldError("message_reference")
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the one that the owner sets.
func (r result) err() error {
	e := r.failure
	switch {
	case r.ok:
		return nil
	case e != nil:
		e = new(*e)
	default:
		e = wit.NewError(r.errorCode(), "Discord: "+r.words()+r.advice())
	}
	if r.retryAfter > 0 {
		e.Retryable, e.RetryAfter = true, &r.retryAfter
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}

// words are Discord's, or its status where it has none.
func (r result) words() string {
	if r.message != "" {
		return r.message
	}
	return "status " + strconv.FormatInt(r.status, 10)
}

// advice is what the owner can do, where Discord's words do not say it.
func (r result) advice() string {
	switch r.code {
	case errorCannotSendToUser:
		return ": they have closed their direct messages, or share no server with the bot"
	case errorMissingPermission, errorMissingAccess:
		return ": give the bot's role the permission in the channel's settings"
	}
	return ""
}

// errorCode says in the contract's codes what Discord's code, or else the HTTP status, means.
func (r result) errorCode() wit.Code {
	switch r.code {
	case errorTooLarge:
		return wit.CodeTooLarge
	case errorSlowmode, errorChannelWriteRate, errorMaxEdits:
		return wit.CodeRateLimited
	case errorMissingAccess, errorCannotSendToUser, errorMissingPermission, errorNotAuthor, errorLockedThread, errorArchivedThread:
		return wit.CodeForbidden
	case errorUnknownChannel, errorUnknownMessage, errorUnknownUser:
		return wit.CodeNotFound
	case errorForm:
		if r.hasFieldError("content") {
			return wit.CodeTooLarge
		}
	}
	switch {
	case r.status == 429:
		return wit.CodeRateLimited
	case r.status == 401:
		return wit.CodeUnauthorized
	case r.status == 403:
		return wit.CodeForbidden
	case r.status == 404:
		return wit.CodeNotFound
	case r.status == 413:
		return wit.CodeTooLarge
	case r.status >= 500:
		return wit.CodeUnavailable
	}
	return wit.CodeInvalid
}
