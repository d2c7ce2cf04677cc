package channel

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Plugins is the part of the registry that knows channels. Its methods are quick, except Rollback.
type Plugins interface {
	// Channels lists the ids of the channel plugins that can be called now. It loads no code.
	Channels() []string
	Finder
	// Rollback puts back the code that ran before the last upgrade, or says why it cannot.
	Rollback(id, reason string) error
}

// Finder finds a channel's plugin.
type Finder interface {
	// Channel finds one; false while it cannot be called. It loads no code.
	Channel(id string) (Plugin, bool)
}

// Plugin is a channel's code. Calls fail with a *wit.Error; a trap or a missed deadline is one too.
type Plugin interface {
	Describer
	Handler
	// Do makes an HTTP request under the plugin's permission and the account's credentials. It ends
	// with ctx, and outlives an upgrade of the plugin.
	Do(ctx context.Context, account string, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
	// Setting is a text of the account's configuration or, where the owner has set nothing, the default of the field; "" where there is
	// none.
	Setting(account, field string) string
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
