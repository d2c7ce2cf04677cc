package twilio

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// The list of messages has the last one first (Message resource, "List all Message resources"). It is read page by page until what was
// there the last time, and then back, so that messages come in the order in which they were sent.

// pollTimer is the plugin's one timer.
const pollTimer = "poll"

// Kinds of requests.
const (
	readOn    = "on"    // a page, on the way to older ones
	readBack  = "back"  // a page, on the way back
	readFiles = "files" // the files of a message
)

const (
	callTimeout     = 20_000 // milliseconds
	transferTimeout = 120_000
	// pageSize is how many messages a page has: with the longest texts, as much as an answer may have that a plugin reads.
	pageSize = "10"
	// overlap is how far back of what was there is read again, in milliseconds: messages that were sent at the same time may come
	// into the list one after the other.
	overlap = 10 * 60_000
)

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.behind, a.State.again = 0, true, false
	if a.State.begun == 0 {
		a.State.begun = a.Now / 1000 * 1000 // Twilio's times are in seconds
		a.State.since = a.State.begun
	}
	if a.Settings.account == "" || a.Settings.from == "" {
		a.Timer(pollTimer, 0)
		a.status(wit.ConnectionStateFailed, "accountSid and from are not set: both stand in Twilio's console")
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	for _, p := range a.State.pending {
		a.askFiles(p.id)
	}
	poll(a)
}

// poll reads the first page.
func poll(a *answer) {
	a.State.next = a.Now
	query := form.Form{}.With("PageSize", pageSize)
	if !a.Settings.service() {
		query = query.With("To", a.Settings.from)
	}
	a.read(readOn, "0", a.Settings.messages()+".json?"+query.Encode())
}

// read asks for a page; which says how many are above it.
func (a *answer) read(kind, which, url string) {
	a.Request(wit.HTTPRequest{ID: account.RequestID(kind, a.State.generation, which), URL: url, Basic: a.Settings.login(), Timeout: callTimeout})
}

// askFiles asks for the files of a message (Media subresource).
func (a *answer) askFiles(message string) {
	a.read(readFiles, message, a.Settings.messages()+"/"+message+"/Media.json")
}

// answered takes what Twilio answers.
func answered(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[string](response.ID, a.State.generation)
	if !current {
		return // asked before the account was started anew, or logged out
	}
	r := decode(response)
	if kind == readFiles {
		withFiles(a, which, r)
		return
	}
	if err := r.err(); err != nil {
		state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
		a.State.failures++
		a.status(state, err.Message)
		a.Timer(pollTimer, delay)
		return
	}
	a.page(kind, which, r.Value)
}

// maxPages bounds how far back is read.
const maxPages = 100

// page takes a page, and asks for the next one in its direction.
func (a *answer) page(kind, which string, v json.Value) {
	var list []json.Value
	known := false
	for m := range v.Get("messages").Items() {
		if sent(m) < max(a.State.begun, a.State.since-overlap) {
			known = true
			break
		}
		list = append(list, m)
	}
	older, newer := v.Get("next_page_uri").Text(), v.Get("previous_page_uri").Text()
	if kind == readOn && !known && older != "" && len(which) < maxPages {
		a.read(readOn, which+"0", a.Settings.root+rooted(older))
		return
	}
	for i := len(list) - 1; i >= 0; i-- {
		a.listed(list[i])
	}
	if len(which) > 1 && newer != "" {
		a.read(readBack, which[1:], a.Settings.root+rooted(newer))
		return
	}
	a.State.since, a.State.next, a.State.failures = max(a.State.since, a.State.next), 0, 0
	if a.State.behind && a.State.again {
		a.State.again = false
		poll(a)
		return
	}
	a.State.behind = false
	a.status(wit.ConnectionStateConnected, a.unsent())
	a.Timer(pollTimer, a.Settings.interval)
}

// rooted is a path that begins at the API's root, whatever an answer has there.
func rooted(path string) string { return "/" + strings.TrimLeft(path, "/") }

// sent is when a message was sent, in milliseconds.
func sent(m json.Value) int64 {
	for _, field := range []string{"date_sent", "date_created"} {
		if at, err := time.Parse(time.RFC1123Z, m.Get(field).Text()); err == nil {
			return at.UnixMilli()
		}
	}
	return 0
}

// listed takes a message of the list, unless it has come before. One with files waits for these.
func (a *answer) listed(m json.Value) {
	id := m.Get("sid").Text()
	mine := m.Get("to").Text() == a.Settings.from || a.Settings.service() && m.Get("messaging_service_sid").Text() == a.Settings.from
	if m.Get("direction").Text() != "inbound" || !mine || !isSID(id) || !a.State.noted(id) {
		return
	}
	p := pending{id: id, from: m.Get("from").Text(), text: m.Get("body").Text(), time: sent(m)}
	if m.Get("num_media").Int() > 0 && len(a.State.pending) < maxPending {
		a.State.pending = append(a.State.pending, p)
		a.askFiles(id)
		return
	}
	a.received(p, nil, "")
}

// withFiles takes the files of a message, which comes without them where they cannot be had.
func withFiles(a *answer, id string, r result) {
	if err := r.err(); err != nil && err.Retryable {
		a.Host.Warn("twilio: the files of a message cannot be asked for, and are with the next start: " + err.Message)
		return
	}
	for i, p := range a.State.pending {
		if p.id != id {
			continue
		}
		a.State.pending = append(append([]pending(nil), a.State.pending[:i]...), a.State.pending[i+1:]...)
		var files []wit.Attachment
		for m := range r.Value.Get("media_list").Items() {
			url := a.Settings.messages() + "/" + id + "/Media/" + m.Get("sid").Text()
			if isSID(m.Get("sid").Text()) && len(files) < maxFiles {
				files = append(files, a.file(url, m.Get("content_type").Text()))
			}
		}
		a.received(p, files, "")
		return
	}
}

// isSID reports whether a text may be one of Twilio's ids, which stand in addresses.
func isSID(s string) bool {
	if len(s) < 3 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		poll(a)
	case "logout":
		a.State.generation++
		a.Timer(pollTimer, 0)
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to be told what was missed")
	}
}
