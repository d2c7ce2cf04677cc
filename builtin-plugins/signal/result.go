package signal

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what came of a request: a value, or the daemon's error, or why there is no answer.
type result struct {
	reply.Reply
	code    int64      // JSON-RPC's, of an error
	text    string     // the daemon's words
	results json.Value // what became of a message, for each of those whom it went to
}

// The codes of errors: those of JSON-RPC, and the daemon's own.
const (
	methodNotFound   = -32601
	invalidParams    = -32602
	userError        = -1
	ioError          = -3
	untrustedKey     = -4
	rateLimited      = -5
	captchaRejected  = -6
	maxWait          = 24 * 60 * 60 // seconds that may be asked for
	defaultRateDelay = 60_000       // milliseconds, where nothing is asked for
)

// decode reads the answer to a request.
func decode(response *wit.HTTPResponse) result {
	r := result{Reply: reply.Read(response)}
	if r.Failure != nil {
		return r
	}
	if r.Status != 200 || !r.Value.IsObject() {
		r.Foreign("signal-cli", "url")
		return r
	}
	if e := r.Value.Get("error"); e.Exists() {
		r.code, r.text, r.results = e.Get("code").Int(), e.Get("message").Text(), e.Get("data", "response", "results")
		return r
	}
	r.Value = r.Value.Get("result")
	r.results = r.Value.Get("results")
	return r
}

// ok reports whether the request did what it should.
func (r result) ok() bool { return r.Failure == nil && r.code == 0 }

// refused reports whether the daemon would not have a message as it was, and might have it in another form. What Signal would not have,
// it tells for each recipient.
func (r result) refused() bool { return r.code == userError && !r.results.Exists() }

// err is the error for a request that did not succeed, nil for one that did.
func (r result) err() *wit.Error {
	if r.ok() {
		return nil
	}
	code, message := r.meaning()
	return r.Error(reply.Meaning{Code: code, Wait: r.wait()}, message)
}

// meaning is what an error is in the contract's terms, with what the owner can do. Why a message was not sent is told for each of
// those whom it went to (SendMessageResult).
func (r result) meaning() (code wit.Code, message string) {
	kind, who, token := r.reason()
	said := "signal-cli: " + r.text
	switch {
	case token != "":
		return wit.CodeRateLimited, said + ": Signal wants a proof that no robot writes. Solve the captcha at https://signalcaptchas.org/challenge/generate.html, copy the link of \"Open Signal\", and run " +
			"`signal-cli submitRateLimitChallenge --challenge " + token + " --captcha LINK`"
	case kind == "UNREGISTERED_FAILURE":
		return wit.CodeNotFound, said + ": " + who + " has no Signal account"
	case kind == "IDENTITY_FAILURE" || r.code == untrustedKey:
		return wit.CodeForbidden, said + ": the safety number of " + who + " has changed, as it does with a new phone. Compare it, and run `signal-cli trust " + who + " --verified-safety-number NUMBER`"
	case kind == "RATE_LIMIT_FAILURE" || r.code == rateLimited:
		return wit.CodeRateLimited, said + ": Signal takes no more for now"
	case kind == "NETWORK_FAILURE" || kind == "INVALID_PRE_KEY_FAILURE" || r.code == ioError:
		return wit.CodeUnavailable, said
	case r.code == invalidParams:
		return wit.CodeUnauthorized, said + ": signal-cli does not know the account. Link it with `signal-cli link`, or register it with `signal-cli -a NUMBER register`"
	case r.code == captchaRejected:
		return wit.CodeForbidden, said + ": the captcha was not accepted, solve another one"
	case r.code == userError:
		return wit.CodeInvalid, said
	case r.code == methodNotFound:
		return wit.CodeInvalid, said + ": this signal-cli is too old, or was started for another account"
	}
	return wit.CodeUnavailable, said
}

// reason is the first that a message was not sent for, whom it is about, and the token of a challenge.
func (r result) reason() (kind, who, token string) {
	for one := range r.results.Items() {
		if kind = one.Get("type").Text(); kind == "SUCCESS" {
			continue
		}
		who = one.Get("recipientAddress", "number").Text()
		if who == "" {
			who = one.Get("recipientAddress", "uuid").Text()
		}
		return kind, who, one.Get("token").Text()
	}
	return "", "somebody", ""
}

// wait is how long Signal wants to be left alone, in milliseconds.
func (r result) wait() int64 {
	code, _ := r.meaning()
	if code != wit.CodeRateLimited {
		return 0
	}
	most := int64(0)
	for one := range r.results.Items() {
		most = max(most, min(one.Get("retryAfterSeconds").Int(), maxWait)*1000)
	}
	if most == 0 {
		return defaultRateDelay
	}
	return most
}
