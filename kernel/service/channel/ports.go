package channel

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Plugins is the part of the registry that knows channels.
type Plugins interface {
	// Channels lists the ids of the channel plugins that can be called now. It loads no code.
	Channels() []string
	// Channel finds one; false while it cannot be called. It loads no code.
	Channel(id string) (Plugin, bool)
	// Rollback puts back the code that ran before the last upgrade, or says why it cannot.
	Rollback(id, reason string) error
}

// Plugin is a channel's code. Calls fail with a *wit.Error; a trap or a missed deadline is one too.
type Plugin interface {
	Describer
	Handler
	// Do makes an HTTP request under the plugin's permission and the account's credentials. It ends
	// with ctx, and outlives an upgrade of the plugin.
	Do(ctx context.Context, account string, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
}

// Describer says what a channel plugin is.
type Describer interface {
	Facts() *wit.ChannelFacts
	Version() string
	// Build changes whenever the code does, also within a version.
	Build() string
}

// Handler is the plugin's exports for what comes in. Implementations fill in the configuration.
type Handler interface {
	Event(ctx context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error)
	Skip(ctx context.Context, e *wit.ChannelEvent) (*wit.NewState, error)
	Migrate(ctx context.Context, m *wit.Migration) (*wit.NewState, error)
}

// Settings is what the owner configured.
type Settings interface {
	// Accounts lists a channel's accounts in order; the first is the default one.
	Accounts(channel string) []Account
}

// Account is one configured account. It does not change; a new one takes its place.
type Account struct {
	ID      string
	Name    string
	Enabled bool
	// DMPolicy is pairing when empty.
	DMPolicy  Policy
	AllowFrom []string
	// GroupPolicy is allowlist when empty.
	GroupPolicy Policy
	// Groups are the allowed group ids; "*" is every group.
	Groups []string
	// RequireMention in groups is true when nil.
	RequireMention *bool
	// Config is the account's section as it is configured; when it changes the account starts anew.
	Config wit.JSON
}

// Policy says who may talk to an account.
type Policy string

const (
	PolicyPairing   Policy = "pairing"
	PolicyAllowlist Policy = "allowlist"
	PolicyOpen      Policy = "open"
	PolicyDisabled  Policy = "disabled"
)

// Credentials finds what webhooks are authenticated with.
type Credentials interface {
	// Get fails with CodeNotFound when there is none.
	Get(ctx context.Context, plugin, account, name string) (string, error)
}

// Inbound takes what was said to the bot.
type Inbound interface {
	// Accept records the turn in tx. It is called once per message, unless its transaction fails.
	Accept(tx store.Tx, t Turn) error
	// Wake is called after a commit with turns in it.
	Wake()
}

// Turn is a message that somebody who may said to the bot.
type Turn struct {
	// ID is unique over all channels.
	ID      string      `json:"id"`
	Channel string      `json:"channel"`
	Account string      `json:"account"`
	Message wit.Message `json:"message"`
	// History is what was said in the group since the bot's last turn, oldest first.
	History    []Said `json:"history,omitempty"`
	ReceivedAt int64  `json:"receivedAt"`
}

// Said is a group message that was not meant for the bot.
type Said struct {
	ID     string     `json:"id"`
	Sender wit.Person `json:"sender"`
	Text   string     `json:"text"`
	Time   int64      `json:"time"`
}

// Outbox takes what the kernel itself has to say.
type Outbox interface {
	// Notify enqueues in tx; the same ID twice is one message.
	Notify(tx store.Tx, n Notice) error
	// Wake is called after a commit with notices in it.
	Wake()
}

// Notice is a short text of the kernel's own.
type Notice struct {
	ID      string
	Channel string
	Account string
	To      wit.Conversation
	Text    string
}

// Dialer opens connections for plugins, under their `http` permission and with credentials filled in.
// They outlive an upgrade of the plugin.
type Dialer interface {
	// Dial opens a connection that ends with ctx. CodeInvalid, CodeForbidden, CodeNotFound and
	// CodeTooLarge say that the owner or the plugin has to change something first.
	Dial(ctx context.Context, channel, account string, o wit.OpenConnection) (Conn, error)
}

// Conn is an open connection. One Read and one Write may run at the same time.
type Conn interface {
	// Read returns the next frame; its error ends the connection, a *ClosedError says how.
	Read() (wit.Frame, error)
	// Write sends a frame, and fills credentials in where it asks for them. Its error ends the connection.
	Write(f wit.Frame) error
	// Close makes a Read or Write that waits return.
	Close() error
}

// ClosedError is how the peer closed.
type ClosedError struct{ wit.Closed }

func (e *ClosedError) Error() string { return "closed by the peer: " + e.Reason }

func compare(a, b ref) int {
	if c := strings.Compare(a.channel, b.channel); c != 0 {
		return c
	}
	return strings.Compare(a.account, b.account)
}
