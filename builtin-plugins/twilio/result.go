package twilio

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a request: a value, or Twilio's error, or why there is no answer.
type result struct {
	value   json.Value
	large   bool       // the answer is too large to be read
	failure *wit.Error // no answer of Twilio's
	status  uint16     // HTTP's, of an error
	code    int64      // Twilio's, of an error
	text    string     // Twilio's words
	wait    int64      // what Retry-After asks for, in milliseconds
}

// maxWait bounds what may be asked for, in seconds.
const maxWait = 24 * 60 * 60

// decode reads the answer to a request ("Twilio's response").
func decode(response *wit.HTTPResponse) result {
	if response.Error != nil {
		return result{failure: response.Error}
	}
	r, body := result{large: response.Media != nil && *response.Media != ""}, ""
	if response.Text != nil {
		body = *response.Text
	}
	v, err := json.ParseText(body)
	if response.Status >= 200 && response.Status < 300 {
		if (err != nil || !v.IsObject()) && !r.large {
			r.failure = foreign(response.Status)
		}
		r.value = v
		return r
	}
	r.status, r.code, r.text = response.Status, v.Get("code").Int(), v.Get("message").Text()
	if n, err := strconv.ParseInt(sdk.Header(response.Headers, "Retry-After"), 10, 64); err == nil {
		r.wait = min(max(n, 0), maxWait) * 1000
	}
	if r.code == 0 && (r.status < 400 || r.status >= 500) {
		r.failure = foreign(response.Status)
	}
	return r
}

// foreign is the failure of a request that somebody else has answered.
func foreign(status uint16) *wit.Error {
	e := wit.NewError(wit.CodeUnavailable, "the answer is not Twilio's (status "+strconv.Itoa(int(status))+"); is apiRoot right?")
	e.Retryable = true
	return e
}

// ok reports whether the request did what it should.
func (r result) ok() bool { return r.failure == nil && r.status == 0 }

// lost reports whether the request may have done its work although no answer came.
func (r result) lost() bool {
	return r.failure != nil && (r.failure.Code == wit.CodeTimeout || r.failure.Code == wit.CodeUnavailable) || r.status >= 500
}

// meaning is what an error is in the contract's terms.
type meaning struct {
	code wit.Code
	wait int64  // in seconds, until it may be tried again; 0 is not by itself
	hint string // what the owner can do
}

const (
	loginHint = "Twilio does not take the login: copy accountSid and authToken from the console's first page, and give them with `carapace setup twilio`"
	fromHint  = "from is not a number of this account that can send SMS: see Phone Numbers in the console"
)

// meanings are Twilio's codes that are worth a word ("Error and warning dictionary"); others are told by the HTTP status.
var meanings = map[int64]meaning{
	20003: {wit.CodeUnauthorized, 0, loginHint},
	20404: {wit.CodeUnauthorized, 0, loginHint},
	20429: {wit.CodeRateLimited, 2, ""},
	20500: {wit.CodeUnavailable, 5, ""}, 20503: {wit.CodeUnavailable, 5, ""},
	10001: {wit.CodeForbidden, 0, "the account is not active: see the console"},
	30002: {wit.CodeForbidden, 0, "the account is suspended: see the console"},
	14107: {wit.CodeRateLimited, 5, ""}, 21611: {wit.CodeRateLimited, 60, "too much waits to be sent from this number"},
	30001: {wit.CodeRateLimited, 60, "too much waits to be sent from this number"},
	63038: {wit.CodeRateLimited, 3600, "the day's messages are used up"},

	21211: {wit.CodeInvalid, 0, "it is no telephone number: write it with + and the country's code"},
	21212: {wit.CodeInvalid, 0, fromHint}, 21603: {wit.CodeInvalid, 0, fromHint}, 21606: {wit.CodeInvalid, 0, fromHint},
	21659: {wit.CodeInvalid, 0, fromHint}, 21660: {wit.CodeInvalid, 0, fromHint},
	21701: {wit.CodeInvalid, 0, "there is no messaging service of this SID"}, 21703: {wit.CodeInvalid, 0, "the messaging service has no number"},
	21617: {wit.CodeTooLarge, 0, ""}, 30019: {wit.CodeTooLarge, 0, "the file is larger than the carrier takes"},
	21620: {wit.CodeInvalid, 0, "Twilio does not take the file's address"},
	21614: {wit.CodeNotFound, 0, "this number cannot get SMS"}, 30006: {wit.CodeNotFound, 0, "it is a landline, or its carrier cannot be reached"},
	21635: {wit.CodeNotFound, 0, "it is a landline"},
	30003: {wit.CodeNotFound, 0, "the telephone is switched off or out of reach"}, 30005: {wit.CodeNotFound, 0, "the number is not in use"},
	30008: {wit.CodeNotFound, 0, "the carrier does not say why"},
	21610: {wit.CodeForbidden, 0, "they have unsubscribed: nothing can be sent until they write START"},
	30004: {wit.CodeForbidden, 0, "the telephone or its carrier blocks it"}, 30007: {wit.CodeForbidden, 0, "the carrier takes it for spam"},
	30034: {wit.CodeForbidden, 0, "the number is not registered for A2P 10DLC, which carriers in the USA ask for: see Regulatory Compliance in the console"},
	21608: {wit.CodeForbidden, 0, "a trial account writes only to numbers that were verified in the console, Verified Caller IDs"},
	21408: {wit.CodeForbidden, 0, "the account may not write to this country: see Messaging, Settings, Geo permissions in the console"},
	21612: {wit.CodeForbidden, 0, "this number cannot be reached from that of the account"},
}

// meaning tells what the error is.
func (r result) meaning() meaning {
	if m, known := meanings[r.code]; known {
		return m
	}
	switch {
	case r.status == 401:
		return meanings[20003]
	case r.status == 403:
		return meaning{code: wit.CodeForbidden}
	case r.status == 404:
		return meaning{code: wit.CodeNotFound}
	case r.status == 429:
		return meaning{code: wit.CodeRateLimited, wait: 5}
	case r.status >= 500:
		return meaning{code: wit.CodeUnavailable, wait: 5}
	}
	return meaning{code: wit.CodeInvalid}
}

// err is the error for a request that did not succeed, nil for one that did. What was refused because of the login is tried
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
	text := "Twilio"
	if r.text != "" {
		text += ": " + r.text
	}
	if r.code != 0 {
		text += " (" + strconv.FormatInt(r.code, 10) + ")"
	}
	if m.hint != "" {
		text += ": " + m.hint
	}
	e := wit.NewError(m.code, text)
	if wait := max(m.wait*1000, r.wait); wait > 0 {
		e.Retryable, e.RetryAfter = true, &wait
	}
	e.Retryable = e.Retryable || e.Code == wit.CodeUnauthorized
	return e
}
