package slack

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a call of a Web API method came to: Slack's answer ("Evaluating responses"), or the failure to get one.
type result struct {
	ok         bool
	value      json.Value // all of the answer
	reason     string     // Slack's error, a word; "" when Slack did not answer
	retryAfter int64      // milliseconds; 0 when Slack named no time
	failure    *wit.Error // why there is no answer of Slack's
}

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse) result {
	switch {
	case response.Error != nil:
		return result{failure: response.Error}
	case response.Media != nil:
		return result{failure: wit.NewError(wit.CodeTooLarge, "Slack's answer is too large")}
	}
	after, _ := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 64)
	after = min(max(after, 0), account.MaxPause/1000) * 1000
	if response.Status == 429 {
		return result{reason: "ratelimited", retryAfter: max(after, 1000)}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	v, err := json.ParseText(body)
	switch {
	case err == nil && v.Get("ok").Exists():
		return result{ok: v.Get("ok").Bool(), value: v, reason: v.Get("error").Text(), retryAfter: after}
	case response.Status >= 500:
		return result{failure: wit.NewError(wit.CodeUnavailable, "Slack answers with status "+strconv.Itoa(int(response.Status))), retryAfter: after}
	}
	return result{failure: wit.NewError(wit.CodeUnavailable, "the answer is not Slack's (status "+strconv.Itoa(int(response.Status))+"); is apiRoot right?")}
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
func (r result) uncertain() bool { return r.failure != nil || r.is("fatal_error", "internal_error") }

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
		code, hint := r.meaning()
		e = wit.NewError(code, "Slack: "+r.reason+hint)
	}
	if r.retryAfter > 0 && e.Code.Transient() {
		e.RetryAfter = &r.retryAfter
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized || e.Code.Transient()
	return e
}

// meaning says in the contract's codes what Slack's error means, and what the owner can do about it.
func (r result) meaning() (wit.Code, string) {
	for _, m := range meanings {
		if r.is(m.reasons...) {
			return m.code, m.hint + r.scope()
		}
	}
	return wit.CodeInvalid, r.scope()
}

// scope names what a call needs that the app may not do (missing_scope, needed).
func (r result) scope() string {
	if needed := r.value.Get("needed").Text(); r.reason == "missing_scope" && needed != "" {
		return ": add the scope " + needed + " to the app under OAuth & Permissions and install the app again"
	}
	return ""
}

// meaning is what some of Slack's errors come to. They are listed with each method.
type meaning struct {
	code    wit.Code
	hint    string
	reasons []string
}

const newToken = ": install the app in the workspace again and give its bot token with `carapace setup slack`"

var meanings = []meaning{
	{wit.CodeUnauthorized, newToken, []string{"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "app_uninstalled"}},
	{wit.CodeUnauthorized, ": the app token begins with xapp- and the bot token with xoxb-; give them with `carapace setup slack`", []string{"not_allowed_token_type"}},
	{wit.CodeForbidden, "", []string{"missing_scope"}},
	{wit.CodeForbidden, ": invite the bot to the channel with /invite", []string{"not_in_channel"}},
	{wit.CodeForbidden, ": the channel is archived", []string{"is_archived"}},
	{wit.CodeForbidden, ": the app is not allowed in the workspace; ask its administrator", []string{"access_denied", "team_access_not_granted", "org_login_required", "ekm_access_denied", "no_permission"}},
	{wit.CodeForbidden, ": turn the messages tab on under App Home", []string{"messages_tab_disabled"}},
	{wit.CodeForbidden, ": not everybody may post there", []string{"restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "restricted_action_thread_locked"}},
	{wit.CodeForbidden, ": the workspace does not take such files", []string{"file_uploads_disabled", "file_uploads_except_images_disabled", "blocked_file_type"}},
	{wit.CodeForbidden, "", []string{"cannot_dm_bot", "user_disabled", "cant_update_message", "edit_window_closed", "cant_delete_message", "compliance_exports_prevent_deletion"}},
	{wit.CodeNotFound, ": it does not exist, or the bot is not in it; invite the bot with /invite", []string{"channel_not_found"}},
	{wit.CodeNotFound, "", []string{"message_not_found", "user_not_found", "users_not_found", "thread_not_found", "file_not_found", "bad_timestamp"}},
	{wit.CodeTooLarge, "", []string{"msg_too_long", "msg_blocks_too_long", "file_upload_size_restricted", "storage_limit_reached"}},
	{wit.CodeRateLimited, "", []string{"ratelimited", "rate_limited", "message_limit_exceeded"}},
	{wit.CodeUnavailable, "", []string{"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}},
}
