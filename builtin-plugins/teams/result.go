package teams

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or the connector's error, or why there is no answer.
type result struct {
	value   json.Value
	failure *wit.Error // no answer of the connector's
	status  uint16     // HTTP's, of an error
	code    string     // the connector's, of an error
	text    string     // its words
	wait    int64      // what Retry-After asks for, in milliseconds
}

// maxWait bounds what may be asked for, in seconds.
const maxWait = 24 * 60 * 60

// decode reads the answer to a call (Bot Connector API, "Errors").
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	v, err := json.ParseText(body)
	if response.Status >= 200 && response.Status < 300 {
		if err != nil && strings.TrimSpace(body) != "" {
			return result{failure: foreign(response.Status)}
		}
		return result{value: v}
	}
	e := v.Get("error")
	r := result{status: response.Status, code: e.Get("code").Text(), text: e.Get("message").Text()}
	if r.code == "" {
		r.text = v.Get("message").Text() // as the gateway in front of it has errors
	}
	if n, err := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 64); err == nil {
		r.wait = min(max(n, 0), maxWait) * 1000
	}
	return r
}

// foreign is the failure of a call that somebody else has answered.
func foreign(status uint16) *wit.Error {
	e := wit.NewError(wit.CodeUnavailable, "the answer is not the Bot Connector's (status "+strconv.Itoa(int(status))+"); is serviceUrl right?")
	e.Retryable = true
	return e
}

// ok reports whether the call did what it should.
func (r result) ok() bool { return r.failure == nil && r.status == 0 }

// is reports whether the connector has answered with one of these codes.
func (r result) is(codes ...string) bool {
	for _, code := range codes {
		if r.failure == nil && strings.EqualFold(r.code, code) {
			return true
		}
	}
	return false
}

// refused reports whether what was to be sent was refused as it was, and might be taken in another form.
func (r result) refused() bool {
	if r.failure != nil {
		return r.failure.Code == wit.CodeInvalid || r.failure.Code == wit.CodeTooLarge
	}
	return !r.ok() && (r.status == 400 || r.status == 413 || r.status == 415)
}

// Delays in milliseconds until what failed for a while may be tried again, where nothing says when.
const (
	waitLimited = 5_000
	waitBusy    = 2_000
)

// meaning tells what an error is in the contract's terms, how long to wait, and what the owner can do. 412, 502 and 504 pass by
// themselves like 429 (Optimize your bot with rate limiting, "Handle HTTP 429 responses").
func (r result) meaning() (code wit.Code, wait int64, hint string) {
	switch {
	case r.is("BotDisabledByAdmin"):
		return wit.CodeForbidden, 0, "an administrator of the organisation has blocked the app: see the Teams admin center, Manage apps"
	case r.is("ConversationBlockedByUser"):
		return wit.CodeForbidden, 0, "they have blocked the bot"
	case r.is("BotNotInConversationRoster", "NotEnoughPermissions", "InvalidBotApiHost"):
		return wit.CodeForbidden, 0, "the bot is no member there: add the app to the chat or the team"
	case r.is("ConversationNotFound", "ActivityNotFoundInConversation", "BotNotRegistered"):
		return wit.CodeNotFound, 0, ""
	case r.is("MessageSizeTooBig"):
		return wit.CodeTooLarge, 0, ""
	case r.status == 401:
		return wit.CodeUnauthorized, 0, "Teams does not take the bot's token: is appId that of your Azure Bot, and tenantId its tenant? `carapace setup teams` asks for both"
	case r.status == 429:
		return wit.CodeRateLimited, waitLimited, ""
	case r.status == 403:
		return wit.CodeForbidden, 0, "is the app installed there?"
	case r.status == 404, r.status == 410:
		return wit.CodeNotFound, 0, ""
	case r.status == 413:
		return wit.CodeTooLarge, 0, ""
	case r.status == 412, r.status >= 500:
		return wit.CodeUnavailable, waitBusy, ""
	}
	return wit.CodeInvalid, 0, ""
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the one that the owner's settings get.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	if r.failure != nil {
		e := *r.failure
		if e.Code == wit.CodeUnauthorized {
			e.Message += "; a client secret ends when it was made to: make another one in the Azure portal, your Azure Bot, Configuration > Manage Password, and give its value with `carapace setup teams`"
		}
		e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
		return &e
	}
	code, wait, hint := r.meaning()
	said := r.code
	if said == "" {
		said = strconv.Itoa(int(r.status))
	}
	e := wit.NewError(code, texts.Join(": ", "Teams", r.text)+" ("+said+")")
	e.Message = texts.Join(": ", e.Message, hint)
	if wait = max(wait, r.wait); wait > 0 && code.Transient() {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || code == wit.CodeUnauthorized
	return e
}
