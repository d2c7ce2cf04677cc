package teams

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or the connector's error, or why there is no answer.
type result struct {
	reply.Reply
	code string // the connector's, of an error
	text string // its words
}

// decode reads the answer to a call (Bot Connector API, "Errors").
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	switch {
	case r.Failure != nil:
	case r.Success():
		if !r.Value.Exists() && strings.TrimSpace(r.Body) != "" {
			r.foreign()
		}
	default:
		e := r.Value.Get("error")
		r.code, r.text = e.Get("code").Text(), e.Get("message").Text()
		if r.code == "" {
			r.text = r.Value.Get("message").Text() // as the gateway in front of it has errors
		}
	}
	return r
}

// foreign makes a failure of what somebody else has answered.
func (r *result) foreign() { r.Foreign("the Bot Connector", "serviceUrl") }

// is reports whether the connector has answered with one of these codes.
func (r result) is(codes ...string) bool {
	for _, code := range codes {
		if r.Failure == nil && strings.EqualFold(r.code, code) {
			return true
		}
	}
	return false
}

// refused reports whether what was to be sent was refused as it was, and might be taken in another form.
func (r result) refused() bool {
	if r.Failure != nil {
		return r.Failure.Code == wit.CodeInvalid || r.Failure.Code == wit.CodeTooLarge
	}
	return !r.Success() && (r.Status == 400 || r.Status == 413 || r.Status == 415)
}

// meaning tells what an error is. 412, 502 and 504 pass by themselves like 429 (Optimize your bot with rate limiting, "Handle HTTP 429
// responses").
func (r result) meaning() reply.Meaning {
	switch {
	case r.is("BotDisabledByAdmin"):
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "an administrator of the organisation has blocked the app: see the Teams admin center, Manage apps"}
	case r.is("ConversationBlockedByUser"):
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "they have blocked the bot"}
	case r.is("BotNotInConversationRoster", "NotEnoughPermissions", "InvalidBotApiHost"):
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "the bot is no member there: add the app to the chat or the team"}
	case r.is("ConversationNotFound", "ActivityNotFoundInConversation", "BotNotRegistered"):
		return reply.Meaning{Code: wit.CodeNotFound}
	case r.is("MessageSizeTooBig"):
		return reply.Meaning{Code: wit.CodeTooLarge}
	case r.Status == 412:
		return reply.Meaning{Code: wit.CodeUnavailable, Wait: waitBusy}
	}
	m := r.Meaning()
	switch {
	case r.Status == 401:
		m.Hint = "Teams does not take the bot's token: is appId that of your Azure Bot, and tenantId its tenant? `carapace setup teams` asks for both"
	case r.Status == 403:
		m.Hint = "is the app installed there?"
	case r.Status >= 500:
		m.Wait = waitBusy
	}
	return m
}

// waitBusy is how long the connector is left alone that cannot serve just now and does not say for how long, in milliseconds.
const waitBusy = 2_000

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.Success() {
		return nil
	}
	m := r.meaning()
	e := r.Error(m, r.Message("Teams", r.text, cmp.Or(r.code, strconv.Itoa(int(r.Status))), m.Hint))
	if r.Failure != nil && e.Code == wit.CodeUnauthorized {
		e.Message += "; a client secret ends when it was made to: make another one in the Azure portal, your Azure Bot, Configuration > Manage Password, and give its value with `carapace setup teams`"
	}
	return e
}
