package slack

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call of a Web API method came to: Slack's answer ("Evaluating responses"), or the failure to get one.
type result struct {
	reply.Reply
	ok     bool
	reason string // Slack's error, a word; "" when Slack did not answer
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Whole(response, "Slack")}
	switch {
	case r.Failure != nil:
	case r.Status == 429:
		r.reason, r.Wait = "ratelimited", max(r.Wait, 1000)
	case r.Value.Get("ok").Exists():
		r.ok, r.reason = r.Value.Get("ok").Bool(), r.Value.Get("error").Text()
	case r.Status >= 500:
		r.Failure = wit.NewError(wit.CodeUnavailable, "Slack answers with status "+strconv.Itoa(int(r.Status)))
	default:
		r.Foreign("Slack", "apiRoot")
	}
	return r
}

// is reports whether Slack has answered with one of these errors.
func (r result) is(reasons ...string) bool {
	for _, reason := range reasons {
		if !r.ok && r.reason == reason {
			return true
		}
	}
	return false
}

// uncertain reports of a call that did not succeed whether Slack may have done it all the same: it says so of these two errors
// (chat.postMessage, "Errors").
func (r result) uncertain() bool { return r.Failure != nil || r.is("fatal_error", "internal_error") }

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() error {
	if r.ok {
		return nil
	}
	m := r.meaning()
	return r.Error(m, r.Message("Slack", r.reason, "", m.Hint))
}

// meaning says what Slack's error means, and what the owner can do about it.
func (r result) meaning() reply.Meaning {
	for _, m := range meanings {
		if r.is(m.reasons...) {
			return reply.Meaning{Code: m.code, Hint: texts.Join(": ", m.hint, r.scope())}
		}
	}
	return reply.Meaning{Code: wit.CodeInvalid, Hint: r.scope()}
}

// scope names what a call needs that the app may not do (missing_scope, needed).
func (r result) scope() string {
	if needed := r.Value.Get("needed").Text(); r.reason == "missing_scope" && needed != "" {
		return "add the scope " + needed + " to the app under OAuth & Permissions and install the app again"
	}
	return ""
}

// meaning is what some of Slack's errors come to. They are listed with each method.
type meaning struct {
	code    wit.Code
	hint    string
	reasons []string
}

const newToken = "install the app in the workspace again and give its bot token with `carapace setup slack`"

var meanings = []meaning{
	{wit.CodeUnauthorized, newToken, []string{"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "app_uninstalled"}},
	{wit.CodeUnauthorized, "the app token begins with xapp- and the bot token with xoxb-; give them with `carapace setup slack`", []string{"not_allowed_token_type"}},
	{wit.CodeForbidden, "", []string{"missing_scope"}},
	{wit.CodeForbidden, "invite the bot to the channel with /invite", []string{"not_in_channel"}},
	{wit.CodeForbidden, "the channel is archived", []string{"is_archived"}},
	{wit.CodeForbidden, "the app is not allowed in the workspace; ask its administrator", []string{"access_denied", "team_access_not_granted", "org_login_required", "ekm_access_denied", "no_permission"}},
	{wit.CodeForbidden, "turn the messages tab on under App Home", []string{"messages_tab_disabled"}},
	{wit.CodeForbidden, "not everybody may post there", []string{"restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "restricted_action_thread_locked"}},
	{wit.CodeForbidden, "the workspace does not take such files", []string{"file_uploads_disabled", "file_uploads_except_images_disabled", "blocked_file_type"}},
	{wit.CodeForbidden, "", []string{"cannot_dm_bot", "user_disabled", "cant_update_message", "edit_window_closed", "cant_delete_message", "compliance_exports_prevent_deletion"}},
	{wit.CodeNotFound, "it does not exist, or the bot is not in it; invite the bot with /invite", []string{"channel_not_found"}},
	{wit.CodeNotFound, "", []string{"message_not_found", "user_not_found", "users_not_found", "thread_not_found", "file_not_found", "bad_timestamp"}},
	{wit.CodeTooLarge, "", []string{"msg_too_long", "msg_blocks_too_long", "file_upload_size_restricted", "storage_limit_reached"}},
	{wit.CodeRateLimited, "", []string{"ratelimited", "rate_limited", "message_limit_exceeded"}},
	{wit.CodeUnavailable, "", []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}},
}
