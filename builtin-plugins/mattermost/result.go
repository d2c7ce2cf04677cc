package mattermost

import (
	"cmp"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a request came to: Mattermost's answer, or the failure to get one.
type result struct {
	reply.Reply
	ok      bool
	reason  string // the id of Mattermost's error; "" when it named none
	message string // what Mattermost says to it
	time    int64  // the server's, in milliseconds since 1970; 0 when it has not said
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "Mattermost")}
	if r.Failure != nil {
		return r
	}
	if at, err := time.Parse(time.RFC1123, sdk.Header(r.Headers, "Date")); err == nil {
		r.time = at.UnixMilli()
	}
	if r.Status == 429 {
		// "Rate limiting": a second at least.
		r.Wait = max(cmp.Or(r.Wait, min(wait.Head(r.Headers).Reset, account.MaxPause)), 1000)
	}
	v := r.Value
	switch {
	case v.Exists() && r.Success():
		r.ok = true
	case v.Get("id").IsText() && v.Get("message").IsText():
		r.reason, r.message = v.Get("id").Text(), v.Get("message").Text()
	case r.Status == 429:
		r.message = "too many requests"
	case r.Status >= 500 && r.Status != 501:
		r.Failure = wit.NewError(wit.CodeUnavailable, "Mattermost answers with status "+strconv.Itoa(int(r.Status)))
	default:
		r.Foreign("Mattermost", "serverUrl")
	}
	return r
}

// is reports whether Mattermost has answered with one of these errors.
func (r result) is(reasons ...string) bool {
	for _, reason := range reasons {
		if !r.ok && r.reason == reason {
			return true
		}
	}
	return false
}

// err is the error for a request that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	m := r.meaning()
	return r.Error(m, r.Message("Mattermost", r.message, "", m.Hint))
}

// meaning says what Mattermost's error means, and what the owner can do about it: by its id, and where that is not known by the status.
func (r result) meaning() reply.Meaning {
	for _, m := range meanings {
		if r.is(m.reasons...) {
			return reply.Meaning{Code: m.code, Hint: m.hint}
		}
	}
	m := r.Meaning()
	switch r.Status {
	case 401:
		m.Hint = newToken
	case 403:
		m.Hint = "is the bot a member of the team and the channel? invite it with /invite"
	case 501:
		return reply.Meaning{Code: wit.CodeForbidden, Hint: "the server's settings do not allow it"}
	}
	return m
}

// meaning is what some of Mattermost's errors come to that their status does not say.
type meaning struct {
	code    wit.Code
	hint    string
	reasons []string
}

const newToken = "make a new access token for the bot (Integrations, Bot Accounts) and give it with `carapace setup mattermost`"

const (
	reasonRoot    = "api.post.create_post.root_id.app_error"
	reasonPending = "api.post.deduplicate_create_post.pending"
)

var meanings = []meaning{
	{wit.CodeForbidden, "the channel is archived", []string{"api.post.create_post.can_not_post_to_deleted.error", "api.post.update_post.can_not_update_post_in_deleted.error"}},
	{wit.CodeForbidden, "not everybody may post there", []string{"api.post.create_post.town_square_read_only"}},
	{wit.CodeForbidden, "it is too late to change it", []string{"api.post.update_post.permissions_time_limit.app_error"}},
	{wit.CodeForbidden, "the server takes no files", []string{"api.file.attachments.disabled.app_error"}},
	{wit.CodeTooLarge, "", []string{"model.post.is_valid.message_length.app_error", "model.post.is_valid.msg.app_error", "api.file.upload_file.too_large.app_error",
		"api.file.upload_file.too_large_detailed.app_error"}},
	{wit.CodeNotFound, "", []string{"api.channel.create_direct_channel.invalid_user.app_error", "app.user.missing_account.const", "app.channel.get.existing.app_error",
		"app.post.get.app_error"}},
	{wit.CodeUnavailable, "", []string{reasonPending}},
}
