package zulip

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// requestKind is what a request is for, which its id begins with, and what the state notes as to be tried again.
type requestKind string

const (
	requestMe       requestKind = "me"       // GET /users/me
	requestRegister requestKind = "register" // POST /register
	requestNewest   requestKind = "newest"   // GET /messages: which message is the newest?
	requestMissed   requestKind = "missed"   // GET /messages: what was said while there was no queue
	requestEvents   requestKind = "events"   // GET /events
	requestLookup   requestKind = "lookup"   // GET /messages/{id}: where is a message? which is its id
	requestProbe    requestKind = "probe"    // GET /users/me, for the command of that name
)

// Timeouts in milliseconds.
const (
	callTimeout = 15_000
	// pollTimeout is longer than a poll that has nothing to tell: the server ends that with a heartbeat within a minute and a
	// half (event_queue_longpoll_timeout_seconds).
	pollTimeout = 100_000
	// transferTimeout is for requests that carry a file: 25 MB at 1.7 Mbit/s.
	transferTimeout = 120_000
)

// params are the parameters of a call, in the query or as a form ("HTTP headers and parameters": what is no text is JSON).
type params []byte

func (p params) text(name, value string) params {
	if len(p) > 0 {
		p = append(p, '&')
	}
	p = append(append(p, name...), '=')
	return append(p, form.Escape(value)...)
}

func (p params) int(name string, value int64) params {
	return p.text(name, strconv.FormatInt(value, 10))
}

func (p params) json(name string, value wit.JSON) params { return p.text(name, string(value)) }

// request describes a call with the account's login.
func (s settings) request(id, method, path string, p params) wit.HTTPRequest {
	r := wit.HTTPRequest{
		ID: id, Method: method, URL: s.root + "/api/v1" + path, Timeout: callTimeout,
		Basic: &wit.BasicLogin{User: s.email, Password: "apiKey"},
	}
	switch {
	case len(p) == 0:
	case method == "GET" || method == "DELETE":
		r.URL += "?" + string(p)
	default:
		body := string(p)
		r.Text, r.Headers = &body, []wit.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
	}
	return r
}
