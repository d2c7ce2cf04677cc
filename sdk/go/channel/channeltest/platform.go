package channeltest

import (
	"context"
	"time"
)

// Platform is a platform's test server with one account on it, as a crowd sees it. All of it may be used by several goroutines.
type Platform interface {
	// Account is the account that the server has, as its owner would configure it.
	Account() Account
	// Say has somebody write a text to the account, in a direct conversation. People are numbered from 0; what one person
	// says comes in this order.
	Say(person int, text string)
	// Heard is what has reached people so far, as they read it, in the order in which it came.
	Heard() []Heard
	// Trouble lets the server do badly, or well again: it is late, says things again, breaks connections off, answers that it
	// is limited or out of order. It never breaks off a send that took effect, unless the platform knows a repeated one.
	Trouble(on bool)
	// Connected reports whether the account receives: it has its connection, or asks, or has a webhook.
	Connected() bool
	// Wait returns when ok answers true, or with ctx's error. ok is asked again after each thing that happens.
	Wait(ctx context.Context, ok func() bool) error
	// Close ends the server.
	Close() error
}

// Reachable is a Platform that calls the gateway, which it has to be told the address of: such as http://127.0.0.1:18789.
type Reachable interface {
	Platform
	// Reach says where the gateway is, and that it is somewhere else now.
	Reach(url string)
}

// Account is how an account is configured.
type Account struct {
	// Channel is the id of the plugin.
	Channel string
	// Config and Secrets are by field.
	Config  map[string]any
	Secrets map[string]string
	// PublicURL is what the gateway has to be told as its own address (gateway.publicUrl) for the platform's calls to be signed for
	// it, or "".
	PublicURL string
	// Disorders says that messages may come in another order after an outage: the platform tells of each once, and one of which it
	// has told nobody is found later than those behind it; or it knows seconds only.
	Disorders bool
	// Deduplicates says that the platform knows a send that comes again.
	Deduplicates bool
	// TellsOnce says that the platform keeps nothing of what it has told: what was on its way when the gateway was killed is gone.
	TellsOnce bool
}

// Teller is a Platform that may tell the account of messages in another order than that in which people wrote them, or in vain.
type Teller interface {
	Platform
	// Told is what the account was told so far, each message as often as it was.
	Told() []Told
}

// Told is a message of which the account was told.
type Told struct {
	// Text has the text that somebody wrote in it.
	Text string
	// At is when the account began to be told of it, Taken when it had said that it has it, or where nobody asks it that was told; the
	// zero time when it has not.
	At, Taken time.Time
}

// ToldBy is what a platform says of that, nil where it tells in the order of what people wrote.
func ToldBy(p Platform) []Told {
	if t, ok := p.(Teller); ok {
		return t.Told()
	}
	return nil
}

// Heard is a text that has reached somebody.
type Heard struct {
	Person int
	Text   string
	At     time.Time
}
