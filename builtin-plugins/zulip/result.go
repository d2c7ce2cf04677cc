package zulip

import (
	"cmp"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call came to: the server's answer, its error ("Error handling"), or the failure to get one.
type result struct {
	reply.Reply
	ok    bool
	code  string // such as BAD_REQUEST
	words string // for people
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "the server")}
	if r.Failure != nil {
		return r
	}
	v := r.Value
	if r.ok = r.Success() && v.Get("result").Text() == "success"; r.ok {
		return r
	}
	r.code, r.words = v.Get("code").Text(), v.Get("msg").Text()
	if seconds := v.Get("retry-after").Float(); seconds > 0 { // "Rate limits"
		r.Wait = int64(min(seconds*1000+1, account.MaxPause))
	}
	if v.Get("result").Text() != "error" && r.Status != 429 && r.Status < 500 && r.Status != 413 {
		r.Foreign("Zulip", "site")
	}
	return r
}

// is reports whether the server has answered with this error.
func (r result) is(code string) bool { return !r.ok && r.Failure == nil && r.code == code }

// refused reports whether the server itself does not take a call, and will not.
func (r result) refused() bool {
	code := r.meaning().Code
	return !r.ok && r.Failure == nil && !code.Transient() && code != wit.CodeUnauthorized
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	return r.Error(r.meaning(), r.message())
}

// message is what is wrong, in the server's words and those of a hint.
func (r result) message() string {
	return r.Message("Zulip", cmp.Or(r.words, r.code), "", r.meaning().Hint)
}

// meaning says what a code of Zulip's means ("Error handling", and the errors that the calls' pages list), or the status where the code
// does not say.
func (r result) meaning() reply.Meaning {
	switch r.code {
	case "INVALID_API_KEY", "UNAUTHORIZED":
		return reply.Meaning{Code: wit.CodeUnauthorized, Hint: howKey}
	case "UNAUTHENTICATED_USER", "USER_DEACTIVATED", "REALM_DEACTIVATED":
		return reply.Meaning{Code: wit.CodeUnauthorized}
	case "RATE_LIMIT_HIT":
		return reply.Meaning{Code: wit.CodeRateLimited}
	case "STREAM_DOES_NOT_EXIST":
		return reply.Meaning{Code: wit.CodeNotFound, Hint: "the channel was deleted, or the bot is not subscribed to it"}
	case "NONEXISTENT_SUBDOMAIN", "REACTION_DOES_NOT_EXIST":
		return reply.Meaning{Code: wit.CodeNotFound}
	case "STREAM_WILDCARD_MENTION_NOT_ALLOWED", "TOPIC_WILDCARD_MENTION_NOT_ALLOWED", "UNAUTHORIZED_PRINCIPAL",
		"MOVE_MESSAGES_TIME_LIMIT_EXCEEDED", "SYSTEM_GROUP_REQUIRED":
		return reply.Meaning{Code: wit.CodeForbidden}
	case "EXPECTATION_MISMATCH", "REACTION_ALREADY_EXISTS":
		return reply.Meaning{Code: wit.CodeConflict}
	}
	return r.Meaning()
}
