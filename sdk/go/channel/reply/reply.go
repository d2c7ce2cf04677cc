// Package reply reads what a platform has answered to a request, and says in the contract's terms what is wrong with it. By that the
// kernel knows whether a message is tried again and when, and the owner what to do.
package reply

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Reply is what came of a request: the platform's answer, or a Failure to get one. A channel that knows the platform's errors puts
// it into a type of its own.
type Reply struct {
	Status  uint16     // HTTP's; 0 where nothing has answered
	Value   json.Value // the body; nothing where it is no JSON
	Body    string
	Headers []wit.Header
	// Wait is for how long the platform wants to be left alone, in milliseconds; 0 where it does not say.
	Wait int64
	// Large says that the answer is larger than what is handed to a plugin as text. Its body is not here.
	Large bool
	// Failure is why there is no answer, or none of the platform's.
	Failure *wit.Error
}

// Read reads a response. A body that is not JSON is no failure yet: see Foreign.
func Read(response *wit.HTTPResponse) Reply {
	if e := response.Error; e != nil {
		return Reply{Failure: e, Large: e.Code == wit.CodeTooLarge}
	}
	r := Reply{Status: response.Status, Headers: response.Headers, Body: texts.Of(response.Text)}
	r.Large = texts.Of(response.Media) != ""
	r.Value, _ = json.ParseText(r.Body)
	r.Wait = min(wait.Asked(response.Headers), account.MaxPause)
	return r
}

// Response is what sdk.Host.HTTP returns, as a response that an error is one with.
func Response(response *wit.HTTPResponse, err error) *wit.HTTPResponse {
	if err != nil {
		return &wit.HTTPResponse{Error: wit.AsError(err)}
	}
	return response
}

// Whole is Read where an answer that is Large is of no use: it is a failure.
func Whole(response *wit.HTTPResponse, platform string) Reply {
	r := Read(response)
	if r.Large && r.Failure == nil {
		r.Failure = wit.NewError(wit.CodeTooLarge, platform+"'s answer is too large")
	}
	return r
}

// Failed is the reply to a request that was not made, or whose answer cannot be used.
func Failed(why *wit.Error) Reply { return Reply{Failure: why} }

// Success reports whether the platform has answered with a status of success. Some have errors that come with one.
func (r Reply) Success() bool { return r.Failure == nil && r.Status >= 200 && r.Status < 300 }

// Silent reports whether nobody has answered, or too late.
func (r Reply) Silent() bool { return r.Status == 0 && r.Failure != nil && r.Failure.Code.Transient() }

// Lost reports whether the request may have done its work although no answer says so.
func (r Reply) Lost() bool {
	if r.Failure != nil {
		return r.Failure.Code.Transient() && r.Failure.Code != wit.CodeRateLimited
	}
	return r.Status >= 500
}

// Foreign makes a failure of an answer that is not the platform's: somebody else's, such as a proxy's. setting is what the owner may
// have set wrong.
func (r *Reply) Foreign(platform, setting string) {
	r.Failure = wit.NewError(wit.CodeUnavailable, "the answer is not "+platform+"'s (status "+strconv.Itoa(int(r.Status))+"); is "+setting+" right?")
}

// Meaning is what an error is in the contract's terms.
type Meaning struct {
	Code wit.Code
	Wait int64  // in milliseconds, until it may be tried again at the soonest, also where the platform asks for less
	Hint string // what the owner can do, "" where the platform's words say it
}

// limited is how long a platform is left alone that takes no more just now and does not say for how long, in milliseconds.
const limited = 5_000

// Meaning is what the status means, where the platform says nothing more. For how long a platform that cannot serve is left alone is the
// kernel's to choose.
func (r Reply) Meaning() Meaning {
	switch s := r.Status; {
	case s == 401:
		return Meaning{Code: wit.CodeUnauthorized}
	case s == 403:
		return Meaning{Code: wit.CodeForbidden}
	case s == 404, s == 410:
		return Meaning{Code: wit.CodeNotFound}
	case s == 409:
		return Meaning{Code: wit.CodeConflict}
	case s == 413:
		return Meaning{Code: wit.CodeTooLarge}
	case s == 429:
		return Meaning{Code: wit.CodeRateLimited, Wait: r.Unsaid(limited)}
	case s >= 500:
		return Meaning{Code: wit.CodeUnavailable}
	}
	return Meaning{Code: wit.CodeInvalid}
}

// Unsaid is a Meaning's Wait for a platform that knows best: 0 where it has said how long.
func (r Reply) Unsaid(wait int64) int64 {
	if r.Wait > 0 {
		return 0
	}
	return wait
}

// Number writes a platform's code for an error, "" for 0.
func Number(code int64) string {
	if code == 0 {
		return ""
	}
	return strconv.FormatInt(code, 10)
}

// maxWords bounds what is told of a platform's own words, in bytes.
const maxWords = 300

// Message is what is wrong: the platform's words, or its status where it has none, with its own code for it, which may be "", and the hint.
func (r Reply) Message(platform, words, code, hint string) string {
	if r.Failure != nil {
		return r.Failure.Message
	}
	words = strings.TrimSuffix(texts.Clip(words, maxWords), ".")
	switch {
	case words == "" && code == "":
		words = "status " + strconv.Itoa(int(r.Status))
	case words == "":
		words = code
	case code != "" && !strings.Contains(words, code):
		words += " (" + code + ")"
	}
	return texts.Join(": ", platform, words, hint)
}

// Error is the error to hand back, for a request that did not succeed: the failure, or what the platform's answer means, told by a
// Message. What passes by itself is tried again, and so is what was refused because of the credentials: with those that the owner sets.
func (r Reply) Error(m Meaning, message string) *wit.Error {
	e := r.Failure
	if e != nil {
		e = new(*e)
	} else {
		e = wit.NewError(m.Code, message)
	}
	e.Retryable = e.Retryable || e.Code.Transient() || e.Code == wit.CodeUnauthorized
	pause := r.Wait
	if r.Failure == nil {
		pause = max(pause, m.Wait)
	}
	if pause > 0 && e.Code.Transient() {
		e.RetryAfter = &pause
	}
	return e
}
