package whatsapp

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a call: a value, or Meta's error, or why there is no answer.
type result struct {
	value   json.Value
	failure *wit.Error // no answer of Meta's
	status  uint16     // HTTP's, of an error
	code    int64      // Meta's, of an error
	subcode int64
	text    string // Meta's words
	wait    int64  // what HTTP's Retry-After asks for, in milliseconds
}

// decode reads the answer to a call (Error codes, "Error response syntax").
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	v, err := json.ParseText(body)
	if response.Status >= 200 && response.Status < 300 && err == nil {
		return result{value: v}
	}
	r := errorOf(v.Get("error"))
	r.status = response.Status
	for _, h := range response.Headers {
		if h.Name == "Retry-After" {
			if n, err := strconv.ParseInt(h.Value, 10, 64); err == nil {
				r.wait = min(max(n, 0), maxWait) * 1000
			}
		}
	}
	if response.Status < 300 || response.Status >= 500 && r.code == 0 {
		r.failure = foreign(response.Status)
	}
	return r
}

// foreign is the failure of a call that somebody else has answered.
func foreign(status uint16) *wit.Error {
	e := wit.NewError(wit.CodeUnavailable, "the answer is not the Cloud API's (status "+strconv.Itoa(int(status))+"); is apiRoot right?")
	e.Retryable = true
	return e
}

// errorOf reads an error as answers and webhooks have it.
func errorOf(e json.Value) result {
	text := texts.Join(": ", first(e.Get("message").Text(), e.Get("title").Text()), e.Get("error_data", "details").Text())
	return result{code: e.Get("code").Int(), subcode: e.Get("error_subcode").Int(), text: text}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// ok reports whether the call did what it should.
func (r result) ok() bool { return r.failure == nil && r.status == 0 }

// closed reports whether WhatsApp takes nothing but templates, since they have not written for 24 hours.
func (r result) closed() bool { return r.code == 131047 || r.code == 470 }

// refused reports whether Meta refused what was to be sent as it was, and might take it in another form.
func (r result) refused() bool {
	if r.failure != nil {
		return !r.failure.Code.Transient()
	}
	return !r.ok() && !r.closed() && r.meaning().code == wit.CodeInvalid
}

// lost reports whether the call may have done its work although no answer came.
func (r result) lost() bool {
	return r.failure != nil && (r.failure.Code == wit.CodeTimeout || r.failure.Code == wit.CodeUnavailable)
}

// maxWait bounds what may be asked for, in seconds.
const maxWait = 24 * 60 * 60

// meaning is what one of Meta's codes is in the contract's terms.
type meaning struct {
	code wit.Code
	wait int64  // in seconds, until it may be tried again; 0 is not by itself
	hint string // what the owner can do
}

// What the codes mean that are worth a word (Error codes). Others are told by the HTTP status.
var meanings = map[int64]meaning{
	0:   {wit.CodeUnauthorized, 0, tokenHint},
	190: {wit.CodeUnauthorized, 0, tokenHint},
	102: {wit.CodeUnauthorized, 0, tokenHint},
	3:   {wit.CodeUnauthorized, 0, rightsHint},
	10:  {wit.CodeUnauthorized, 0, rightsHint},
	200: {wit.CodeUnauthorized, 0, rightsHint},
	33:  {wit.CodeInvalid, 0, "phoneNumberId is not the id of a number that this token may use"},
	368: {wit.CodeForbidden, 0, "Meta has blocked the account for a while: see the WhatsApp Manager"},

	1: {wit.CodeUnavailable, 5, ""}, 2: {wit.CodeUnavailable, 5, ""},
	131000: {wit.CodeUnavailable, 5, ""}, 131016: {wit.CodeUnavailable, 10, ""}, 133004: {wit.CodeUnavailable, 10, ""},
	131057: {wit.CodeUnavailable, 60, "the account is being worked on"},

	4:      {wit.CodeRateLimited, 300, "the app makes too many calls"},
	80007:  {wit.CodeRateLimited, 300, "the business account makes too many calls"},
	130429: {wit.CodeRateLimited, 5, "the number sends too much at once"},
	131048: {wit.CodeRateLimited, 3600, "too many people have blocked the number or reported it: see its quality in the WhatsApp Manager"},
	131056: {wit.CodeRateLimited, 6, "too much was sent to this person at once"},
	131064: {wit.CodeRateLimited, 3600, "too much was sent to this group at once"},

	131047: {wit.CodeForbidden, 0, "they have not written for 24 hours, when WhatsApp takes nothing but an approved template: set template and templateLanguage, or wait until they write"},
	470:    {wit.CodeForbidden, 0, "they have not written for 24 hours, when WhatsApp takes nothing but an approved template: set template and templateLanguage, or wait until they write"},
	131026: {wit.CodeNotFound, 0, "they have no WhatsApp, an old one, or have not accepted its terms"},
	131030: {wit.CodeForbidden, 0, "a test number writes only to numbers that were entered in the app's dashboard, WhatsApp > API Setup"},
	131021: {wit.CodeInvalid, 0, "it is the account's own number"},
	131049: {wit.CodeForbidden, 0, "WhatsApp keeps this person from getting more of such messages today"},
	131050: {wit.CodeForbidden, 0, "this person wants no such messages"},
	130472: {wit.CodeForbidden, 0, "WhatsApp holds such messages to this person back"},
	130497: {wit.CodeForbidden, 0, "the business may not write to this country"},
	131005: {wit.CodeUnauthorized, 0, rightsHint},
	131031: {wit.CodeForbidden, 0, "Meta has locked the account: see the WhatsApp Manager"},
	131037: {wit.CodeForbidden, 0, "the number's display name is not approved yet: see the WhatsApp Manager"},
	131042: {wit.CodeForbidden, 0, "there is trouble with the payment: see the business's billing settings"},
	131045: {wit.CodeUnauthorized, 0, registerHint},
	133010: {wit.CodeUnauthorized, 0, registerHint},

	100:    {wit.CodeInvalid, 0, ""},
	131008: {wit.CodeInvalid, 0, ""}, 131009: {wit.CodeInvalid, 0, ""}, 131051: {wit.CodeInvalid, 0, ""},
	131052: {wit.CodeInvalid, 0, "the file cannot be had"}, 131053: {wit.CodeInvalid, 0, "WhatsApp does not take this file"},

	132000: {wit.CodeInvalid, 0, templateHint}, 132012: {wit.CodeInvalid, 0, templateHint},
	132001: {wit.CodeNotFound, 0, "there is no approved template of this name in this language: see template and templateLanguage"},
	132005: {wit.CodeTooLarge, 0, "the text is too long for the template"},
	132007: {wit.CodeForbidden, 0, "the template breaks a rule of WhatsApp's"},
	132015: {wit.CodeForbidden, 0, "the template is paused: see the WhatsApp Manager"},
	132016: {wit.CodeForbidden, 0, "the template is disabled: see the WhatsApp Manager"},
}

const (
	tokenHint    = "the access token has ended or is not right: make one that does not end (a system user's, in the business settings), and give it with `carapace setup whatsapp`"
	rightsHint   = "the access token lacks a right: it needs whatsapp_business_messaging for this number"
	registerHint = "the number is not registered with the Cloud API: register it in the WhatsApp Manager"
	templateHint = "the template must have one variable, {{1}}, in its body and nothing else to be filled in"
)

// meaning tells what the error is. Codes 200 to 299 are lacking rights, each of another thing.
func (r result) meaning() meaning {
	code := r.code
	if code >= 200 && code < 300 {
		code = 200
	}
	if code == 100 && r.subcode == 33 {
		code = 33
	}
	if m, known := meanings[code]; known && (code != 0 || r.status == 401) {
		return m
	}
	switch {
	case r.status == 401:
		return meanings[190]
	case r.status == 403:
		return meaning{code: wit.CodeForbidden}
	case r.status == 404:
		return meaning{code: wit.CodeNotFound}
	case r.status == 413:
		return meaning{code: wit.CodeTooLarge}
	case r.status == 429:
		return meaning{code: wit.CodeRateLimited, wait: 5}
	case r.status >= 500:
		return meaning{code: wit.CodeUnavailable, wait: 5}
	}
	return meaning{code: wit.CodeInvalid}
}

// message is what is wrong, in Meta's words and those of a hint.
func (r result) message() string {
	text := texts.Join(": ", "WhatsApp", r.text)
	if code := strconv.FormatInt(r.code, 10); r.code != 0 && !contains(r.text, code) {
		text += " (" + code + ")"
	}
	return texts.Join(": ", text, r.meaning().hint)
}

// err is the error for a call that did not succeed, nil for one that did. What was refused because of the token is tried
// again, with the one that the owner sets.
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
	if wait := max(m.wait*1000, r.wait); wait > 0 {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}
