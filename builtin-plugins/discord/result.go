package discord

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call of the API came to: Discord's answer, or the failure to get one.
type result struct {
	reply.Reply
	ok         bool
	code       int64 // Discord's own ("JSON Error Codes"); 0 when it named none
	message    string
	resetAfter int64 // milliseconds after which one more such call may be made; 0 when it may be made at once
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "Discord")}
	if r.Failure != nil {
		return r
	}
	if sdk.Header(r.Headers, "X-RateLimit-Remaining") == "0" {
		r.resetAfter = milliseconds(sdk.Header(r.Headers, "X-RateLimit-Reset-After"))
	}
	r.ok = r.Success()
	if r.ok && r.Body == "" {
		return r // 204
	}
	switch {
	case r.Value.Exists() && !r.ok:
		r.code, r.message = r.Value.Get("code").Int(), explain(r.Value)
	case !r.Value.Exists() && (r.ok || r.Status < 429):
		r.ok = false
		r.Foreign("Discord", "apiRoot")
	}
	// In front of Discord stands a proxy that says in a header alone how long it is to be left alone ("Exceeding A Rate Limit").
	if wait := int64(r.Value.Get("retry_after").Float() * 1000); wait > 0 && !r.ok {
		r.Wait = min(wait, account.MaxPause)
	}
	return r
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
	return r.code == errorForm && r.Value.Get("errors", field).Exists()
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

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	m := r.meaning()
	return r.Error(m, r.Message("Discord", r.message, "", m.Hint))
}

// words are Discord's, or its status where it has none.
func (r result) words() string {
	if r.message != "" {
		return r.message
	}
	return "status " + strconv.Itoa(int(r.Status))
}

// meaning says what Discord's code means, or else the status.
func (r result) meaning() reply.Meaning {
	switch r.code {
	case errorTooLarge:
		return reply.Meaning{Code: wit.CodeTooLarge}
	case errorSlowmode, errorChannelWriteRate, errorMaxEdits:
		return reply.Meaning{Code: wit.CodeRateLimited}
	case errorCannotSendToUser:
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "they have closed their direct messages, or share no server with the bot"}
	case errorMissingPermission, errorMissingAccess:
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "give the bot's role the permission in the channel's settings"}
	case errorNotAuthor, errorLockedThread, errorArchivedThread:
		return reply.Meaning{Code: wit.CodeForbidden}
	case errorUnknownChannel, errorUnknownMessage, errorUnknownUser:
		return reply.Meaning{Code: wit.CodeNotFound}
	case errorForm:
		if r.hasFieldError("content") {
			return reply.Meaning{Code: wit.CodeTooLarge}
		}
	}
	return r.Meaning()
}
