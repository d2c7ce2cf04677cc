package whatsapp

import (
	"cmp"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or Meta's error, or why there is no answer.
type result struct {
	reply.Reply
	code    int64 // Meta's, of an error
	subcode int64
	text    string // Meta's words
}

// decode reads the answer to a call (Error codes, "Error response syntax").
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	if r.Failure != nil || r.Success() && r.Value.Exists() {
		return r
	}
	r.errorOf(r.Value.Get("error"))
	if r.Status < 300 || r.Status >= 500 && r.code == 0 {
		r.foreign()
	}
	return r
}

// foreign makes a failure of what somebody else has answered.
func (r *result) foreign() { r.Foreign("the Cloud API", "apiRoot") }

// reported is an error that a webhook tells of, which has no status.
func reported(e json.Value) result {
	r := result{Reply: reply.Reply{Status: 400}}
	r.errorOf(e)
	return r
}

// errorOf reads an error as answers and webhooks have it.
func (r *result) errorOf(e json.Value) {
	r.text = texts.Join(": ", cmp.Or(e.Get("message").Text(), e.Get("title").Text()), e.Get("error_data", "details").Text())
	r.code, r.subcode = e.Get("code").Int(), e.Get("error_subcode").Int()
}

// closed reports whether WhatsApp takes nothing but templates, since they have not written for 24 hours.
func (r result) closed() bool { return r.code == 131047 || r.code == 470 }

// refused reports whether Meta refused what was to be sent as it was, and might take it in another form.
func (r result) refused() bool {
	if r.Failure != nil {
		return !r.Failure.Code.Transient()
	}
	return !r.Success() && !r.closed() && r.meaning().Code == wit.CodeInvalid
}

// What the codes mean that are worth a word (Error codes). Others are told by the HTTP status.
var meanings = map[int64]reply.Meaning{
	0:   {Code: wit.CodeUnauthorized, Hint: tokenHint},
	190: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	102: {Code: wit.CodeUnauthorized, Hint: tokenHint},
	3:   {Code: wit.CodeUnauthorized, Hint: rightsHint},
	10:  {Code: wit.CodeUnauthorized, Hint: rightsHint},
	200: {Code: wit.CodeUnauthorized, Hint: rightsHint},
	33:  {Code: wit.CodeInvalid, Hint: "phoneNumberId is not the id of a number that this token may use"},
	368: {Code: wit.CodeForbidden, Hint: "Meta has blocked the account for a while: see the WhatsApp Manager"},

	1: {Code: wit.CodeUnavailable, Wait: 5_000}, 2: {Code: wit.CodeUnavailable, Wait: 5_000},
	131000: {Code: wit.CodeUnavailable, Wait: 5_000}, 131016: {Code: wit.CodeUnavailable, Wait: 10_000}, 133004: {Code: wit.CodeUnavailable, Wait: 10_000},
	131057: {Code: wit.CodeUnavailable, Wait: 60_000, Hint: "the account is being worked on"},

	4:      {Code: wit.CodeRateLimited, Wait: 300_000, Hint: "the app makes too many calls"},
	80007:  {Code: wit.CodeRateLimited, Wait: 300_000, Hint: "the business account makes too many calls"},
	130429: {Code: wit.CodeRateLimited, Wait: 5_000, Hint: "the number sends too much at once"},
	131048: {Code: wit.CodeRateLimited, Wait: 3600_000, Hint: "too many people have blocked the number or reported it: see its quality in the WhatsApp Manager"},
	131056: {Code: wit.CodeRateLimited, Wait: 6_000, Hint: "too much was sent to this person at once"},
	131064: {Code: wit.CodeRateLimited, Wait: 3600_000, Hint: "too much was sent to this group at once"},

	131047: {Code: wit.CodeForbidden, Hint: "they have not written for 24 hours, when WhatsApp takes nothing but an approved template: set template and templateLanguage, or wait until they write"},
	470:    {Code: wit.CodeForbidden, Hint: "they have not written for 24 hours, when WhatsApp takes nothing but an approved template: set template and templateLanguage, or wait until they write"},
	131026: {Code: wit.CodeNotFound, Hint: "they have no WhatsApp, an old one, or have not accepted its terms"},
	131030: {Code: wit.CodeForbidden, Hint: "a test number writes only to numbers that were entered in the app's dashboard, WhatsApp > API Setup"},
	131021: {Code: wit.CodeInvalid, Hint: "it is the account's own number"},
	131049: {Code: wit.CodeForbidden, Hint: "WhatsApp keeps this person from getting more of such messages today"},
	131050: {Code: wit.CodeForbidden, Hint: "this person wants no such messages"},
	130472: {Code: wit.CodeForbidden, Hint: "WhatsApp holds such messages to this person back"},
	130497: {Code: wit.CodeForbidden, Hint: "the business may not write to this country"},
	131005: {Code: wit.CodeUnauthorized, Hint: rightsHint},
	131031: {Code: wit.CodeForbidden, Hint: "Meta has locked the account: see the WhatsApp Manager"},
	131037: {Code: wit.CodeForbidden, Hint: "the number's display name is not approved yet: see the WhatsApp Manager"},
	131042: {Code: wit.CodeForbidden, Hint: "there is trouble with the payment: see the business's billing settings"},
	131045: {Code: wit.CodeUnauthorized, Hint: registerHint},
	133010: {Code: wit.CodeUnauthorized, Hint: registerHint},

	100:    {Code: wit.CodeInvalid},
	131008: {Code: wit.CodeInvalid}, 131009: {Code: wit.CodeInvalid}, 131051: {Code: wit.CodeInvalid},
	131052: {Code: wit.CodeInvalid, Hint: "the file cannot be had"}, 131053: {Code: wit.CodeInvalid, Hint: "WhatsApp does not take this file"},

	132000: {Code: wit.CodeInvalid, Hint: templateHint}, 132012: {Code: wit.CodeInvalid, Hint: templateHint},
	132001: {Code: wit.CodeNotFound, Hint: "there is no approved template of this name in this language: see template and templateLanguage"},
	132005: {Code: wit.CodeTooLarge, Hint: "the text is too long for the template"},
	132007: {Code: wit.CodeForbidden, Hint: "the template breaks a rule of WhatsApp's"},
	132015: {Code: wit.CodeForbidden, Hint: "the template is paused: see the WhatsApp Manager"},
	132016: {Code: wit.CodeForbidden, Hint: "the template is disabled: see the WhatsApp Manager"},
}

const (
	tokenHint    = "the access token has ended or is not right: make one that does not end (a system user's, in the business settings), and give it with `carapace setup whatsapp`"
	rightsHint   = "the access token lacks a right: it needs whatsapp_business_messaging for this number"
	registerHint = "the number is not registered with the Cloud API: register it in the WhatsApp Manager"
	templateHint = "the template must have one variable, {{1}}, in its body and nothing else to be filled in"
)

// meaning tells what the error is. Codes 200 to 299 are lacking rights, each of another thing.
func (r result) meaning() reply.Meaning {
	code := r.code
	if code >= 200 && code < 300 {
		code = 200
	}
	if code == 100 && r.subcode == 33 {
		code = 33
	}
	if m, known := meanings[code]; known && (code != 0 || r.Status == 401) {
		return m
	}
	if r.Status == 401 {
		return meanings[190]
	}
	return r.Meaning()
}

// message is what is wrong, in Meta's words and those of a hint.
func (r result) message() string {
	return r.Message("WhatsApp", r.text, reply.Number(r.code), r.meaning().Hint)
}

// err is the error for a call that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.Success() {
		return nil
	}
	return r.Error(r.meaning(), r.message())
}
