package mattermost

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a request came to: Mattermost's answer, or the failure to get one.
type result struct {
	ok         bool
	status     uint16
	value      json.Value // all of the answer
	reason     string     // the id of Mattermost's error; "" when it named none
	message    string     // what Mattermost says to it
	retryAfter int64      // milliseconds; 0 when no time was named
	time       int64      // the server's, in milliseconds since 1970; 0 when it has not said
	failure    *wit.Error // why there is no answer of Mattermost's
	large      bool       // the answer is larger than what is read
}

// isATime is from when on a number of seconds is a time and not a length of time, as the page about rate limits has it.
const isATime = 1_000_000_000

// decode reads a response. Whatever comes, it returns something to act on.
func decode(response *wit.HTTPResponse, now int64) result {
	switch {
	case response.Error != nil:
		return result{failure: response.Error, large: response.Error.Code == wit.CodeTooLarge}
	case response.Media != nil:
		return result{failure: wit.NewError(wit.CodeTooLarge, "Mattermost's answer is too large"), large: true}
	}
	r := result{status: response.Status}
	if at, err := time.Parse(time.RFC1123, sdk.Header(response.Headers, "Date")); err == nil {
		r.time = at.UnixMilli()
	}
	if r.status == 429 {
		r.retryAfter = pauseOf(response.Headers, now)
	}
	v, err := json.ParseText(value(response.Text))
	switch {
	case err == nil && r.status >= 200 && r.status < 300:
		r.ok, r.value = true, v
	case err == nil && v.Get("id").IsText() && v.Get("message").IsText():
		r.reason, r.message = v.Get("id").Text(), v.Get("message").Text()
	case r.status == 429:
		r.message = "too many requests"
	case r.status >= 500 && r.status != 501:
		r.failure = wit.NewError(wit.CodeUnavailable, "Mattermost answers with status "+strconv.Itoa(int(r.status)))
	default:
		r.failure = wit.NewError(wit.CodeUnavailable, "the answer is not Mattermost's (status "+strconv.Itoa(int(r.status))+"); is serverUrl right?")
	}
	return r
}

// pauseOf is how long the server wants to be left alone ("Rate limiting"), in milliseconds.
func pauseOf(headers []wit.Header, now int64) int64 {
	after, _ := strconv.ParseInt(sdk.Header(headers, "Retry-After"), 10, 64)
	if reset, _ := strconv.ParseInt(sdk.Header(headers, "X-Ratelimit-Reset"), 10, 64); after == 0 {
		if after = reset; reset >= isATime {
			after = reset - now/1000
		}
	}
	return min(max(after, 1), account.MaxPause/1000) * 1000
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

// err is the error for a request that did not succeed, nil for one that did. What was refused because of the token is tried
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
		e = wit.NewError(code, "Mattermost: "+strings.TrimSuffix(clip(r.message, 300), ".")+hint)
	}
	if r.retryAfter > 0 && e.Code.Transient() {
		e.RetryAfter = &r.retryAfter
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized || e.Code.Transient()
	return e
}

// meaning says in the contract's codes what Mattermost's error means, and what the owner can do about it: by its id, and where
// that is not known by the status.
func (r result) meaning() (wit.Code, string) {
	for _, m := range meanings {
		if r.is(m.reasons...) {
			return m.code, m.hint
		}
	}
	switch {
	case r.status == 401:
		return wit.CodeUnauthorized, newToken
	case r.status == 403:
		return wit.CodeForbidden, ": is the bot a member of the team and the channel? invite it with /invite"
	case r.status == 404:
		return wit.CodeNotFound, ""
	case r.status == 413:
		return wit.CodeTooLarge, ""
	case r.status == 429:
		return wit.CodeRateLimited, ""
	case r.status == 501:
		return wit.CodeForbidden, ": the server's settings do not allow it"
	case r.status >= 500:
		return wit.CodeUnavailable, ""
	}
	return wit.CodeInvalid, ""
}

// meaning is what some of Mattermost's errors come to that their status does not say.
type meaning struct {
	code    wit.Code
	hint    string
	reasons []string
}

const newToken = ": make a new access token for the bot (Integrations, Bot Accounts) and give it with `carapace setup mattermost`"

const (
	reasonRoot    = "api.post.create_post.root_id.app_error"
	reasonPending = "api.post.deduplicate_create_post.pending"
)

var meanings = []meaning{
	{wit.CodeForbidden, ": the channel is archived", []string{"api.post.create_post.can_not_post_to_deleted.error", "api.post.update_post.can_not_update_post_in_deleted.error"}},
	{wit.CodeForbidden, ": not everybody may post there", []string{"api.post.create_post.town_square_read_only"}},
	{wit.CodeForbidden, ": it is too late to change it", []string{"api.post.update_post.permissions_time_limit.app_error"}},
	{wit.CodeForbidden, ": the server takes no files", []string{"api.file.attachments.disabled.app_error"}},
	{wit.CodeTooLarge, "", []string{"model.post.is_valid.message_length.app_error", "model.post.is_valid.msg.app_error", "api.file.upload_file.too_large.app_error",
		"api.file.upload_file.too_large_detailed.app_error"}},
	{wit.CodeNotFound, "", []string{"api.channel.create_direct_channel.invalid_user.app_error", "app.user.missing_account.const", "app.channel.get.existing.app_error",
		"app.post.get.app_error"}},
	{wit.CodeUnavailable, "", []string{reasonPending}},
}
