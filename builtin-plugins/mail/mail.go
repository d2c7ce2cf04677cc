// Package mail is a mailbox as a chat channel: IMAP4rev1 (RFC 3501, with RFC 2177's IDLE and RFC 4959's ways of logging in)
// brings what people write, and SMTP (RFC 5321, RFC 6409) takes the answers. Mails are of RFC 5322 and MIME (RFC 2045 to 2049).
//
// An account has one IMAP connection, read as raw pieces, since literals stand between lines. What has come and is not complete
// yet is part of the state, so the code can be replaced while the connection stays. One mail is fetched at a time, and its
// message is committed together with its UID, the cursor: a crash at any point fetches again what was not committed, and the
// kernel knows by its Message-ID what was.
//
// A mail is asked for with what its parts are, and with its beginning, which mostly has all of its text. What of its files has not
// come with that stays in the mailbox: Fetch gets it by a dialogue of its own when something needs it, past the guest's memory.
//
// A send is a dialogue by SMTP on a socket of its own. Its Message-ID is made of the idempotency key, so that who gets a mail twice
// since an acceptance was lost can tell, as most mail programs do.
//
// How to read it: Event below, then turn.go, imap.go, response.go; fetch.go reads
// what IMAP tells of a mail; letter.go, leaf.go, mime.go, header.go, param.go, charset.go, html.go and quote.go read the mail, judge.go
// says from whom it is and whether it is somebody's at all; load.go gets its files; send.go, files.go, smtp.go and compose.go are
// the way out.
package mail

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Mail is the channel. It has no state and may be used by several goroutines.
type Mail struct{}

// New returns the channel.
func New() channel.Channel { return Mail{} }

var handlers = account.Handlers[*turn]{
	Start:   connect,
	Opened:  opened,
	Closed:  closed,
	Message: hear,
	Timer:   wake,
	Command: obey,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Mail) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	t, err := newTurn(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(t, event)
	return t.Finish(), nil
}

// closed has what was under way be asked for again.
func closed(t *turn, _ *wit.Closed) { t.State.step, t.State.unread = stepOff, nil }

// obey does what the owner asks for.
func obey(t *turn, command string) {
	if command == "login" || command == "probe" {
		connect(t)
	}
}
