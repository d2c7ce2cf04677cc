package feishu

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or Feishu's error, or why there is no answer.
type result struct {
	value   json.Value
	failure *wit.Error // no answer of Feishu's
	status  uint16     // HTTP's
	code    int64      // Feishu's, 0 for a call that did what it should
	text    string     // Feishu's words
	wait    int64      // for how long it wants to be left alone, in milliseconds
}

// decode reads the answer to a call. Errors come with status 200 or 400 alike, and are told by their code ("Server-side error codes").
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	r := result{status: response.Status}
	v, err := json.ParseText(body)
	for _, h := range response.Headers {
		if name := strings.ToLower(h.Name); name == "x-ogw-ratelimit-reset" || name == "retry-after" {
			if n, err := strconv.ParseInt(h.Value, 10, 64); err == nil {
				r.wait = min(max(n*1000, 0), account.MaxPause)
			}
		}
	}
	r.value, r.code, r.text = v, v.Get("code").Int(), v.Get("msg").Text()
	if err != nil || !v.Get("code").Exists() || r.code == 0 && (response.Status < 200 || response.Status > 299) {
		if response.Status == 429 {
			r.code = tooMany
			return r
		}
		r.failure = foreign(response.Status)
	}
	return r
}

// foreign is the failure of a call that somebody else has answered.
func foreign(status uint16) *wit.Error {
	e := wit.NewError(wit.CodeUnavailable, "the answer is not Feishu's (status "+strconv.Itoa(int(status))+"); is apiRoot right?")
	e.Retryable = true
	return e
}

// ok reports whether the call did what it should.
func (r result) ok() bool { return r.failure == nil && r.code == 0 }

// refused reports whether Feishu refused what was to be sent as it was, and might take it in another form.
func (r result) refused() bool {
	if r.failure != nil {
		return r.failure.Code == wit.CodeInvalid || r.failure.Code == wit.CodeTooLarge
	}
	code := r.meaning().code
	return !r.ok() && (code == wit.CodeInvalid || code == wit.CodeTooLarge)
}

// gone reports whether the message or the thread is not there.
func (r result) gone() bool {
	return r.failure == nil && !r.ok() && r.meaning().message
}

// meaning is what one of Feishu's codes is in the contract's terms.
type meaning struct {
	code    wit.Code
	wait    int64  // in seconds, until it may be tried again; 0 is not by itself
	hint    string // what the owner can do
	message bool   // it is about a message that is not there
}

const tooMany = 99991400

// What the codes mean that are worth a word ("Server-side error codes", and those of each call). Others are told by the status.
var meanings = map[int64]meaning{
	99991661: {wit.CodeUnauthorized, 0, tokenHint, false}, 99991663: {wit.CodeUnauthorized, 0, tokenHint, false}, 99991664: {wit.CodeUnauthorized, 0, tokenHint, false},
	99991665: {wit.CodeUnauthorized, 0, tokenHint, false}, 99991668: {wit.CodeUnauthorized, 0, tokenHint, false}, 99991671: {wit.CodeUnauthorized, 0, tokenHint, false},
	99991543: {wit.CodeUnauthorized, 0, tokenHint, false}, 10003: {wit.CodeUnauthorized, 0, tokenHint, false}, 10014: {wit.CodeUnauthorized, 0, tokenHint, false},
	99991672: {wit.CodeForbidden, 0, scopeHint, false}, 99991679: {wit.CodeForbidden, 0, scopeHint, false}, 230027: {wit.CodeForbidden, 0, scopeHint, false},
	99991401: {wit.CodeForbidden, 0, "the app takes calls from other addresses only: see Security Settings > IP Whitelist in the developer console", false},
	99991673: {wit.CodeForbidden, 0, "the app is not enabled: publish a version of it in the developer console", false},
	230006:   {wit.CodeForbidden, 0, "the app is no bot yet: add the feature Bot in the developer console and publish a version", false},

	tooMany: {wit.CodeRateLimited, 5, "the app makes too many calls", false},
	230020:  {wit.CodeRateLimited, 1, "too much was sent to this chat at once", false},
	11232:   {wit.CodeRateLimited, 5, "too much was sent at once", false},
	11233:   {wit.CodeRateLimited, 5, "too much was sent to this chat at once", false},
	11247:   {wit.CodeRateLimited, 5, "too much was sent to these people at once", false},
	230049:  {wit.CodeUnavailable, 2, "", false},
	230071:  {wit.CodeRateLimited, 1, "the message is changed too often", false},
	190002:  {wit.CodeUnavailable, 5, "", false}, 190003: {wit.CodeUnavailable, 5, "", false}, 232003: {wit.CodeUnavailable, 5, "", false}, 55000: {wit.CodeUnavailable, 5, "", false},

	514:        {wit.CodeUnauthorized, 0, tokenHint, false}, // this and those below are of connections
	1000040343: {wit.CodeUnavailable, 5, "", false},
	1000040344: {wit.CodeUnauthorized, 0, tokenHint, false},
	1000040350: {wit.CodeUnavailable, 30, "the app has more connections than Feishu lets it have: end other programs that use it", false},

	230002: {wit.CodeForbidden, 0, "the bot is not in this group: have a member add it", false},
	230013: {wit.CodeForbidden, 0, "this person may not use the app: see Availability in the developer console", false},
	230018: {wit.CodeForbidden, 0, "the group lets the bot not speak", false},
	230035: {wit.CodeForbidden, 0, "the group lets the bot not speak", false},
	230053: {wit.CodeForbidden, 0, "this person wants no messages of the bot", false},
	230022: {wit.CodeForbidden, 0, "Feishu does not send such words", false},
	230028: {wit.CodeForbidden, 0, "Feishu does not send such words", false},
	230029: {wit.CodeNotFound, 0, "this person has left the organization", false},
	230034: {wit.CodeNotFound, 0, "there is nobody and no group of this id", false},
	232006: {wit.CodeNotFound, 0, "there is no group of this id", false}, 232009: {wit.CodeNotFound, 0, "the group is dissolved", false},
	232010: {wit.CodeForbidden, 0, "the group belongs to another organization", false}, 232011: {wit.CodeForbidden, 0, "the bot is not in this group", false},
	41012: {wit.CodeNotFound, 0, "there is nobody of this id", false}, 41050: {wit.CodeForbidden, 0, "the app may not see this person: see Availability in the developer console", false},

	230011: {wit.CodeNotFound, 0, "", true}, 230019: {wit.CodeNotFound, 0, "", true}, 230050: {wit.CodeNotFound, 0, "", true},
	230110: {wit.CodeNotFound, 0, "", true}, 231003: {wit.CodeNotFound, 0, "", true}, 230030: {wit.CodeNotFound, 0, "", true}, 230111: {wit.CodeNotFound, 0, "", true},
	231007: {wit.CodeForbidden, 0, "the reaction is somebody else's", false}, 231008: {wit.CodeNotFound, 0, "", true}, 231010: {wit.CodeNotFound, 0, "", true},
	231001: {wit.CodeInvalid, 0, "Feishu has no such reaction", false}, 231002: {wit.CodeForbidden, 0, "the bot may not react there", false},

	230025: {wit.CodeTooLarge, 0, "", false}, 234006: {wit.CodeTooLarge, 0, "the file is too large", false},
	230031: {wit.CodeForbidden, 0, "a card can be changed for 14 days", false}, 230075: {wit.CodeForbidden, 0, "the organization lets messages not be changed so late", false},
	230072: {wit.CodeForbidden, 0, "a plain message can be changed twenty times", false}, 230026: {wit.CodeForbidden, 0, "a message can be taken back for a day", false},
	230012: {wit.CodeForbidden, 0, "the message is somebody else's", false}, 230017: {wit.CodeInvalid, 0, "the file is somebody else's", false},
	230001: {wit.CodeInvalid, 0, "", false}, 230054: {wit.CodeInvalid, 0, "", false}, 230055: {wit.CodeInvalid, 0, "", false}, 230099: {wit.CodeInvalid, 0, "", false},
	234001: {wit.CodeInvalid, 0, "", false}, 234007: {wit.CodeForbidden, 0, "the app is no bot yet: add the feature Bot in the developer console and publish a version", false},
	234010: {wit.CodeInvalid, 0, "the file is empty", false}, 234011: {wit.CodeInvalid, 0, "Feishu does not know this kind of picture", false},
}

const (
	tokenHint = "Feishu does not take the app's id and secret: see Credentials & Basic Info in the developer console, and give them with `carapace setup feishu`"
	scopeHint = "the app lacks a right: add it under Permissions & Scopes in the developer console (im:message, im:message:send_as_bot, im:resource, im:chat:readonly) and publish a version"
)

// meaning tells what the error is.
func (r result) meaning() meaning {
	if m, known := meanings[r.code]; known {
		return m
	}
	switch {
	case r.status == 401:
		return meanings[99991663]
	case r.status == 403:
		return meaning{code: wit.CodeForbidden}
	case r.status == 404:
		return meaning{code: wit.CodeNotFound}
	case r.status == 413:
		return meaning{code: wit.CodeTooLarge}
	case r.status == 429:
		return meanings[tooMany]
	case r.status >= 500:
		return meaning{code: wit.CodeUnavailable, wait: 5}
	}
	return meaning{code: wit.CodeInvalid}
}

// message is what is wrong, in Feishu's words and those of a hint.
func (r result) message() string {
	if r.failure != nil {
		return r.failure.Message
	}
	text := texts.Join(": ", "Feishu", texts.Clip(r.text, 300))
	if r.code != 0 {
		text += " (" + strconv.FormatInt(r.code, 10) + ")"
	}
	return texts.Join(": ", text, r.meaning().hint)
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the secret that the owner sets.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	if r.failure != nil {
		e := *r.failure
		e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
		return &e
	}
	m := r.meaning()
	e := wit.NewError(m.code, r.message())
	wait := m.wait * 1000
	if m.wait > 0 && r.wait > 0 {
		wait = r.wait
	}
	if wait > 0 {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}
