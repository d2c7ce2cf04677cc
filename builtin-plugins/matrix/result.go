package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call came to: the server's answer, its error ("Standard error response"), or the failure to get one.
type result struct {
	reply.Reply
	ok         bool
	errcode    string // M_…
	words      string // for people
	softLogout bool   // the login has ended, and what belongs to it may be kept ("Soft logout")
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "the server")}
	if r.Failure != nil {
		return r
	}
	v := r.Value
	if r.ok = r.Success() && v.IsObject(); r.ok {
		return r
	}
	r.errcode, r.words = v.Get("errcode").Text(), v.Get("error").Text()
	if r.errcode == "" {
		r.Foreign("a Matrix server", "homeserver")
	}
	if wait := v.Get("retry_after_ms").Int(); wait > 0 {
		r.Wait = min(wait, account.MaxPause)
	}
	r.softLogout = v.Get("soft_logout").Bool()
	return r
}

// is reports whether the server has answered with this error.
func (r result) is(errcode string) bool { return r.errcode == errcode }

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	return r.Error(r.meaning(), r.message())
}

// message is what is wrong, in the server's words and those of a hint.
func (r result) message() string { return r.Message("Matrix", r.words, r.errcode, r.meaning().Hint) }

// howToken says what to do without a token that is good.
const howToken = "get a new access token for the bot and give it with `carapace setup matrix`"

// meaning says what an errcode means ("Common error codes", "Other error codes"), or the status where that is the server's own word.
func (r result) meaning() reply.Meaning {
	switch r.errcode {
	case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN":
		return reply.Meaning{Code: wit.CodeUnauthorized, Hint: howToken}
	case "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED", "M_UNAUTHORIZED":
		return reply.Meaning{Code: wit.CodeUnauthorized}
	case "M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN":
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "invite the bot to the room, or let it speak there (its power level)"}
	case "M_CONSENT_NOT_GIVEN":
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "log in as the bot with a Matrix app and accept the server's terms"}
	case "M_RESOURCE_LIMIT_EXCEEDED":
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "ask whoever runs the server"}
	case "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM":
		return reply.Meaning{Code: wit.CodeForbidden}
	case "M_LIMIT_EXCEEDED":
		return reply.Meaning{Code: wit.CodeRateLimited}
	case "M_TOO_LARGE":
		return reply.Meaning{Code: wit.CodeTooLarge}
	case "M_NOT_FOUND":
		return reply.Meaning{Code: wit.CodeNotFound, Hint: "it was deleted, or the bot is not in the room"}
	case "M_DUPLICATE_ANNOTATION", "M_ROOM_IN_USE":
		return reply.Meaning{Code: wit.CodeConflict}
	}
	if r.Status == 404 { // of a path that the server does not know
		return reply.Meaning{Code: wit.CodeInvalid}
	}
	return r.Meaning()
}
