package telegram

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a Bot API call came to: Telegram's answer ("Making requests", ResponseParameters), or the
// failure to get one. Its Value is what Telegram calls result.
type result struct {
	reply.Reply
	ok          bool
	code        int64 // Telegram's error_code; 0 when Telegram did not answer
	description string
	migratedTo  string // the new id of a group that became a supergroup
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "Telegram")}
	v := r.Value
	switch {
	case r.Failure != nil:
		return r
	case !v.Get("ok").Exists():
		r.Foreign("Telegram", "apiRoot")
		return r
	}
	r.Value = v.Get("result")
	if r.ok = v.Get("ok").Bool(); r.ok {
		return r
	}
	r.code = v.Get("error_code").Int()
	if r.code == 0 {
		r.code = int64(r.Status)
	}
	r.description = v.Get("description").Text()
	parameters := v.Get("parameters")
	r.Wait = max(r.Wait, min(parameters.Get("retry_after").Int()*1000, account.MaxPause))
	r.migratedTo = parameters.Get("migrate_to_chat_id").Text()
	return r
}

// says reports whether Telegram's description has a phrase. It is the only thing by which one 400
// can be told from another.
func (r result) says(phrase string) bool { return strings.Contains(r.description, phrase) }

// dislikesFormatting reports whether Telegram would take the text without its formatting: it cannot read it, or
// what it shows (a table, say) is longer than what was written.
func (r result) dislikesFormatting() bool {
	return r.code == 400 && (r.says("can't parse entities") || r.says("ENTIT") || r.says("is too long"))
}

// What becomes of topics.
const (
	topicClosed  = "closed"
	topicDeleted = "deleted"
)

// lostTopic says what became of the topic that was named, or that the message to be answered is in, "" for nothing. The
// topic General, which needs no name, can be closed too.
func (r result) lostTopic() string {
	switch {
	case r.code != 400:
		return ""
	case r.says("TOPIC_CLOSED"):
		return topicClosed
	case r.says("message thread not found") || r.says("TOPIC_DELETED"):
		return topicDeleted
	}
	return ""
}

// lostReply reports whether the message to be answered is not there, or cannot be answered from here.
func (r result) lostReply() bool {
	return r.code == 400 && (r.says("message to be replied not found") || r.says("reply message not found") ||
		r.says("replied message not found") || r.says("REPLY_MESSAGE_ID_INVALID") || r.says("REPLY_TO_INVALID"))
}

// bars are the words by which Telegram says, with 400, that it takes nothing from the bot there, in whatever form: the
// Bot API hands some of what is forbidden on as it comes from the servers behind it (Client::fail_query_with_error).
var bars = []string{
	"TOPIC_CLOSED", "CHAT_WRITE_FORBIDDEN", "CHAT_SEND_PLAIN_FORBIDDEN", "CHAT_RESTRICTED", "CHAT_ADMIN_REQUIRED", "CHANNEL_PRIVATE",
	"USER_BANNED_IN_CHANNEL", "YOU_BLOCKED_USER", "PEER_ID_INVALID", "have no rights to send a message",
	"not enough rights to send text messages", "need administrator rights",
}

// barred reports whether nothing may be sent there.
func (r result) barred() bool {
	return r.code == 403 || r.code == 400 && slices.ContainsFunc(bars, r.says)
}

// vanished reports whether the message was sent, and at once deleted by somebody, such as a bot that keeps a group clean.
func (r result) vanished() bool { return r.code == 500 && r.says("was immediately deleted") }

// refused reports whether Telegram, or the kernel on the way to it, refused what was to be sent, and might take it in
// another form.
func (r result) refused() bool {
	if r.Failure != nil {
		return !r.Failure.Code.Transient()
	}
	return !r.ok && (r.code == 400 || r.code == 413) && r.migratedTo == "" && !r.barred() && !r.says("chat not found")
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	return r.Error(reply.Meaning{Code: r.errorCode()}, r.Message("Telegram", r.description, "", r.advice()))
}

// advice is what the owner can do, where Telegram's words do not say it.
func (r result) advice() string {
	if r.lostTopic() == topicClosed {
		return "open the topic, or let the bot manage topics"
	}
	return ""
}

// errorCode says in the contract's codes what Telegram's error_code, an HTTP status, means. What is forbidden stays so
// until the other side changes its mind: the bot was blocked, put out of the group, or has lost its rights there; nobody
// tries that again.
func (r result) errorCode() wit.Code {
	switch {
	case r.code == 429:
		return wit.CodeRateLimited
	case r.code == 401 || r.code == 404: // a token of the wrong form makes every path unknown
		return wit.CodeUnauthorized
	case r.barred() || r.vanished() || r.code == 400 && (r.says("not enough rights") || r.says("_FORBIDDEN")):
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
