package feishu

import (
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or Feishu's error, or why there is no answer.
type result struct {
	reply.Reply
	code int64  // Feishu's, 0 for a call that did what it should
	text string // Feishu's words
}

// decode reads the answer to a call. Errors come with status 200 or 400 alike, and are told by their code ("Server-side error codes").
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	if r.Failure != nil {
		return r
	}
	if n, err := strconv.ParseInt(sdk.Header(r.Headers, "x-ogw-ratelimit-reset"), 10, 64); err == nil {
		r.Wait = min(max(n*1000, 0), account.MaxPause)
	}
	r.code, r.text = r.Value.Get("code").Int(), r.Value.Get("msg").Text()
	switch {
	case r.Value.Get("code").Exists() && (r.code != 0 || r.Success()):
	case r.Status == 429:
		r.code = tooMany
	default:
		r.foreign()
	}
	return r
}

// foreign makes a failure of what somebody else has answered.
func (r *result) foreign() { r.Foreign("Feishu", "apiRoot") }

// ok reports whether the call did what it should.
func (r result) ok() bool { return r.Failure == nil && r.code == 0 }

// refused reports whether Feishu refused what was to be sent as it was, and might take it in another form.
func (r result) refused() bool {
	if r.Failure != nil {
		return r.Failure.Code == wit.CodeInvalid || r.Failure.Code == wit.CodeTooLarge
	}
	code := r.meaning().Code
	return !r.ok() && (code == wit.CodeInvalid || code == wit.CodeTooLarge)
}

// gone reports whether the message or the thread is not there.
func (r result) gone() bool { return r.Failure == nil && slices.Contains(goneCodes, r.code) }

// goneCodes are those for a message that is not there.
var goneCodes = []int64{230011, 230019, 230050, 230110, 231003, 230030, 230111, 231008, 231010}

const tooMany = 99991400

// What the codes mean that are worth a word ("Server-side error codes", and those of each call). Others are told by the status.
var meanings = map[int64]reply.Meaning{
	99991661: {Code: wit.CodeUnauthorized, Hint: tokenHint}, 99991663: {Code: wit.CodeUnauthorized, Hint: tokenHint}, 99991664: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	99991665: {Code: wit.CodeUnauthorized, Hint: tokenHint}, 99991668: {Code: wit.CodeUnauthorized, Hint: tokenHint}, 99991671: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	99991543: {Code: wit.CodeUnauthorized, Hint: tokenHint}, 10003: {Code: wit.CodeUnauthorized, Hint: tokenHint}, 10014: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	99991672: {Code: wit.CodeForbidden, Hint: scopeHint}, 99991679: {Code: wit.CodeForbidden, Hint: scopeHint}, 230027: {Code: wit.CodeForbidden, Hint: scopeHint},
	99991401: {Code: wit.CodeForbidden, Hint: "the app takes calls from other addresses only: see Security Settings > IP Whitelist in the developer console"},
	99991673: {Code: wit.CodeForbidden, Hint: "the app is not enabled: publish a version of it in the developer console"},
	230006:   {Code: wit.CodeForbidden, Hint: "the app is no bot yet: add the feature Bot in the developer console and publish a version"},

	tooMany: {Code: wit.CodeRateLimited, Wait: 5_000, Hint: "the app makes too many calls"},
	230020:  {Code: wit.CodeRateLimited, Wait: 1_000, Hint: "too much was sent to this chat at once"},
	11232:   {Code: wit.CodeRateLimited, Wait: 5_000, Hint: "too much was sent at once"},
	11233:   {Code: wit.CodeRateLimited, Wait: 5_000, Hint: "too much was sent to this chat at once"},
	11247:   {Code: wit.CodeRateLimited, Wait: 5_000, Hint: "too much was sent to these people at once"},
	230049:  {Code: wit.CodeUnavailable, Wait: 2_000},
	230071:  {Code: wit.CodeRateLimited, Wait: 1_000, Hint: "the message is changed too often"},
	190002:  {Code: wit.CodeUnavailable, Wait: 5_000}, 190003: {Code: wit.CodeUnavailable, Wait: 5_000}, 232003: {Code: wit.CodeUnavailable, Wait: 5_000}, 55000: {Code: wit.CodeUnavailable, Wait: 5_000},

	514:        {Code: wit.CodeUnauthorized, Hint: tokenHint}, // this and those below are of connections
	1000040343: {Code: wit.CodeUnavailable, Wait: 5_000},
	1000040344: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	1000040350: {Code: wit.CodeUnavailable, Wait: 30_000, Hint: "the app has more connections than Feishu lets it have: end other programs that use it"},

	230002: {Code: wit.CodeForbidden, Hint: "the bot is not in this group: have a member add it"},
	230013: {Code: wit.CodeForbidden, Hint: "this person may not use the app: see Availability in the developer console"},
	230018: {Code: wit.CodeForbidden, Hint: "the group lets the bot not speak"},
	230035: {Code: wit.CodeForbidden, Hint: "the group lets the bot not speak"},
	230053: {Code: wit.CodeForbidden, Hint: "this person wants no messages of the bot"},
	230022: {Code: wit.CodeForbidden, Hint: "Feishu does not send such words"},
	230028: {Code: wit.CodeForbidden, Hint: "Feishu does not send such words"},
	230029: {Code: wit.CodeNotFound, Hint: "this person has left the organization"},
	230034: {Code: wit.CodeNotFound, Hint: "there is nobody and no group of this id"},
	232006: {Code: wit.CodeNotFound, Hint: "there is no group of this id"}, 232009: {Code: wit.CodeNotFound, Hint: "the group is dissolved"},
	232010: {Code: wit.CodeForbidden, Hint: "the group belongs to another organization"}, 232011: {Code: wit.CodeForbidden, Hint: "the bot is not in this group"},
	41012: {Code: wit.CodeNotFound, Hint: "there is nobody of this id"}, 41050: {Code: wit.CodeForbidden, Hint: "the app may not see this person: see Availability in the developer console"},

	231007: {Code: wit.CodeForbidden, Hint: "the reaction is somebody else's"},
	231001: {Code: wit.CodeInvalid, Hint: "Feishu has no such reaction"}, 231002: {Code: wit.CodeForbidden, Hint: "the bot may not react there"},

	230025: {Code: wit.CodeTooLarge}, 234006: {Code: wit.CodeTooLarge, Hint: "the file is too large"},
	230031: {Code: wit.CodeForbidden, Hint: "a card can be changed for 14 days"}, 230075: {Code: wit.CodeForbidden, Hint: "the organization lets messages not be changed so late"},
	230072: {Code: wit.CodeForbidden, Hint: "a plain message can be changed twenty times"}, 230026: {Code: wit.CodeForbidden, Hint: "a message can be taken back for a day"},
	230012: {Code: wit.CodeForbidden, Hint: "the message is somebody else's"}, 230017: {Code: wit.CodeInvalid, Hint: "the file is somebody else's"},
	230001: {Code: wit.CodeInvalid}, 230054: {Code: wit.CodeInvalid}, 230055: {Code: wit.CodeInvalid}, 230099: {Code: wit.CodeInvalid},
	234001: {Code: wit.CodeInvalid}, 234007: {Code: wit.CodeForbidden, Hint: "the app is no bot yet: add the feature Bot in the developer console and publish a version"},
	234010: {Code: wit.CodeInvalid, Hint: "the file is empty"}, 234011: {Code: wit.CodeInvalid, Hint: "Feishu does not know this kind of picture"},
}

const (
	tokenHint = "Feishu does not take the app's id and secret: see Credentials & Basic Info in the developer console, and give them with `carapace setup feishu`"
	scopeHint = "the app lacks a right: add it under Permissions & Scopes in the developer console (im:message, im:message:send_as_bot, im:resource, im:chat:readonly) and publish a version"
)

// meaning tells what the error is.
func (r result) meaning() reply.Meaning {
	if r.gone() {
		return reply.Meaning{Code: wit.CodeNotFound}
	}
	if m, known := meanings[r.code]; known {
		return m
	}
	switch r.Status {
	case 401:
		return meanings[99991663]
	case 429:
		return meanings[tooMany]
	}
	return r.Meaning()
}

// message is what is wrong, in Feishu's words and those of a hint.
func (r result) message() string {
	return r.Message("Feishu", r.text, reply.Number(r.code), r.meaning().Hint)
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	m := r.meaning()
	m.Wait = r.Unsaid(m.Wait)
	return r.Error(m, r.message())
}
