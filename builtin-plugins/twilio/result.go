package twilio

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a request: a value, or Twilio's error, or why there is no answer.
type result struct {
	reply.Reply
	code int64  // Twilio's, of an error
	text string // Twilio's words
}

// decode reads the answer to a request ("Twilio's response").
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	switch {
	case r.Failure != nil:
	case r.Success():
		if !r.Value.IsObject() && !r.Large {
			r.foreign()
		}
	default:
		r.code, r.text = r.Value.Get("code").Int(), r.Value.Get("message").Text()
		if r.code == 0 && (r.Status < 400 || r.Status >= 500) {
			r.foreign()
		}
	}
	return r
}

// foreign makes a failure of what somebody else has answered.
func (r *result) foreign() { r.Foreign("Twilio", "apiRoot") }

const (
	loginHint = "Twilio does not take the login: copy accountSid and authToken from the console's first page, and give them with `carapace setup twilio`"
	fromHint  = "from is not a number of this account that can send SMS: see Phone Numbers in the console"
)

// meanings are Twilio's codes that are worth a word ("Error and warning dictionary"); others are told by the HTTP status.
var meanings = map[int64]reply.Meaning{
	20003: {Code: wit.CodeUnauthorized, Hint: loginHint},
	20404: {Code: wit.CodeUnauthorized, Hint: loginHint},
	20429: {Code: wit.CodeRateLimited, Wait: 2_000},
	20500: {Code: wit.CodeUnavailable, Wait: 5_000}, 20503: {Code: wit.CodeUnavailable, Wait: 5_000},
	10001: {Code: wit.CodeForbidden, Hint: "the account is not active: see the console"},
	30002: {Code: wit.CodeForbidden, Hint: "the account is suspended: see the console"},
	14107: {Code: wit.CodeRateLimited, Wait: 5_000}, 21611: {Code: wit.CodeRateLimited, Wait: 60_000, Hint: "too much waits to be sent from this number"},
	30001: {Code: wit.CodeRateLimited, Wait: 60_000, Hint: "too much waits to be sent from this number"},
	63038: {Code: wit.CodeRateLimited, Wait: 3600_000, Hint: "the day's messages are used up"},

	21211: {Code: wit.CodeInvalid, Hint: "it is no telephone number: write it with + and the country's code"},
	21212: {Code: wit.CodeInvalid, Hint: fromHint}, 21603: {Code: wit.CodeInvalid, Hint: fromHint}, 21606: {Code: wit.CodeInvalid, Hint: fromHint},
	21659: {Code: wit.CodeInvalid, Hint: fromHint}, 21660: {Code: wit.CodeInvalid, Hint: fromHint},
	21701: {Code: wit.CodeInvalid, Hint: "there is no messaging service of this SID"}, 21703: {Code: wit.CodeInvalid, Hint: "the messaging service has no number"},
	21617: {Code: wit.CodeTooLarge}, 30019: {Code: wit.CodeTooLarge, Hint: "the file is larger than the carrier takes"},
	21620: {Code: wit.CodeInvalid, Hint: "Twilio does not take the file's address"},
	21614: {Code: wit.CodeNotFound, Hint: "this number cannot get SMS"}, 30006: {Code: wit.CodeNotFound, Hint: "it is a landline, or its carrier cannot be reached"},
	21635: {Code: wit.CodeNotFound, Hint: "it is a landline"},
	30003: {Code: wit.CodeNotFound, Hint: "the telephone is switched off or out of reach"}, 30005: {Code: wit.CodeNotFound, Hint: "the number is not in use"},
	30008: {Code: wit.CodeNotFound, Hint: "the carrier does not say why"},
	21610: {Code: wit.CodeForbidden, Hint: "they have unsubscribed: nothing can be sent until they write START"},
	30004: {Code: wit.CodeForbidden, Hint: "the telephone or its carrier blocks it"}, 30007: {Code: wit.CodeForbidden, Hint: "the carrier takes it for spam"},
	30034: {Code: wit.CodeForbidden, Hint: "the number is not registered for A2P 10DLC, which carriers in the USA ask for: see Regulatory Compliance in the console"},
	21608: {Code: wit.CodeForbidden, Hint: "a trial account writes only to numbers that were verified in the console, Verified Caller IDs"},
	21408: {Code: wit.CodeForbidden, Hint: "the account may not write to this country: see Messaging, Settings, Geo permissions in the console"},
	21612: {Code: wit.CodeForbidden, Hint: "this number cannot be reached from that of the account"},
}

// meaning tells what the error is.
func (r result) meaning() reply.Meaning {
	if m, known := meanings[r.code]; known {
		return m
	}
	if r.Status == 401 {
		return meanings[20003]
	}
	return r.Meaning()
}

// err is the error for a request that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.Success() {
		return nil
	}
	m := r.meaning()
	return r.Error(m, r.Message("Twilio", r.text, reply.Number(r.code), m.Hint))
}
