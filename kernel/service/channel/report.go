package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// report is what is known of an account, for the owner. What its pointers point to does not change, so a
// copy can be read by anybody. Times are in Unix milliseconds.
type report struct {
	status        wit.AccountStatus
	started       bool // `start` was handled
	received      int
	duplicates    int
	lastError     string
	lastStartAt   int64
	lastStopAt    int64
	lastInboundAt int64
	lastConnected int64
	lastProbeAt   int64
	connectedAt   int64 // since when it is connected without a break; 0 while it is not
	lastHeardAt   int64 // from the platform, to its satisfaction; at first when the account was made
}

func (r *report) begun() {
	r.lastStartAt = time.Now().UnixMilli()
	r.status = wit.AccountStatus{State: wit.ConnectionStateConnecting}
	r.started = false
}

// ended takes over why the account stopped; nil leaves what is known.
func (r *report) ended(why *wit.AccountStatus) {
	r.lastStopAt = time.Now().UnixMilli()
	if why != nil {
		r.status = *why
	}
	if why != nil && why.State == wit.ConnectionStateFailed && why.Message != nil {
		r.lastError = *why.Message
	}
}

// committed counts what came in.
func (r *report) committed(c inbox.Result) {
	if len(c.News) > 0 || c.Duplicates > 0 {
		r.duplicates += c.Duplicates
		r.received += len(c.News)
		r.lastInboundAt = time.Now().UnixMilli()
	}
}

// said takes over what a plugin says of its account, nil for nothing, and reports whether others have to
// know.
func (r *report) said(s *wit.AccountStatus, kind wit.EventKind, redact func(string) string) (changed bool) {
	old, fresh := r.status.State, !r.started
	r.started = true
	if s != nil {
		self := r.status.Self
		r.status = *s
		if r.status.Self == nil {
			r.status.Self = self
		}
	} else if kind == wit.EventKindStart && fresh {
		r.status.State = wit.ConnectionStateConnected
	}
	if r.status.State == wit.ConnectionStateConnected {
		r.lastConnected = time.Now().UnixMilli()
		r.lastError = ""
	} else if r.status.Message != nil {
		r.lastError = redact(*r.status.Message)
	}
	return fresh || r.status.State != old
}

// heard takes notice that an event was handled: one that the platform brought, to an account that is connected all the
// same, is a sign that it works.
func (r *report) heard(in *input) {
	platform := in.origin == fromRequest && in.event.Response.Error == nil || in.origin == fromWebhook ||
		in.origin == fromConnection && in.event.Kind != wit.EventKindClosed
	if platform && r.status.State == wit.ConnectionStateConnected {
		r.lastHeardAt = time.Now().UnixMilli()
	}
}

// connected takes over whether the account is, now.
func (r *report) connected(is bool) {
	switch now := time.Now().UnixMilli(); {
	case !is:
		r.connectedAt = 0
	case r.connectedAt == 0:
		r.connectedAt, r.lastHeardAt = now, now
	}
}

// self is the bot's id, or "".
func (r *report) self() string {
	if r.status.Self == nil {
		return ""
	}
	return r.status.Self.ID
}
