package plugin

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// Channel is a plugin's handle as a chat channel. Its id is the plugin's.
//
// Each call goes to the version that is current when it begins. Where a config field is nil, the
// account's configuration is filled in. Errors are the plugin's own, or CodeNotFound (no such plugin or
// account, an operation that it does not have), CodeUnavailable (a trap, a malformed answer, a plugin
// that is failed or stopped), CodeTimeout, CodeTooLarge.
type Channel struct{ handle }

// Channel returns a channel by its id, or CodeNotFound. It loads no code.
func (r *Registry) Channel(id string) (*Channel, error) {
	if !r.table.offers.Load().has("channel", id) {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no channel %s: install the plugin, or correct the name", id)
	}
	return &Channel{handle{r.versions, id}}, nil
}

// Channels lists the channels that can be called, by id.
func (r *Registry) Channels() []*Channel {
	ids := r.table.offers.Load().plugins["channel"]
	list := make([]*Channel, len(ids))
	for i, id := range ids {
		list[i] = &Channel{handle{r.versions, id}}
	}
	return list
}

// Facts returns what the platform can do; the zero value once the plugin is gone.
func (c *Channel) Facts() *wit.ChannelFacts {
	if m := c.manifest(); m != nil && m.Provides.Channel != nil {
		return m.Provides.Channel
	}
	return &wit.ChannelFacts{}
}

// Can reports whether the channel has an operation beyond event and send.
func (c *Channel) Can(operation string) bool { return slices.Contains(c.Facts().Operations, operation) }

// Event handles what came in. It makes no requests itself: the caller acts on the answer.
func (c *Channel) Event(ctx context.Context, e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	own := *e
	if err := c.fill(&own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.ChannelAnswer](ctx, c.versions, c.id, request{export: "channel_event", account: own.Account}, &own)
}

// Skip returns the state that steps over an event which cannot be handled.
func (c *Channel) Skip(ctx context.Context, e *wit.ChannelEvent) (*wit.NewState, error) {
	own := *e
	if err := c.prepare("skip", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.NewState](ctx, c.versions, c.id, request{export: "channel_skip", account: own.Account}, &own)
}

// Migrate turns an earlier version's state into this one's.
func (c *Channel) Migrate(ctx context.Context, m *wit.Migration) (*wit.NewState, error) {
	if err := c.operation("migrate"); err != nil {
		return nil, err
	}
	return call[wit.NewState](ctx, c.versions, c.id, request{export: "channel_migrate", account: m.Account}, m)
}

// Send sends a message. The same idempotency key twice is one message where the facts say so.
func (c *Channel) Send(ctx context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	own := *s
	if err := c.fill(&own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_send", account: own.Account}, &own)
}

// Edit changes the text of a message.
func (c *Channel) Edit(ctx context.Context, e *wit.ChannelEdit) (*wit.Sent, error) {
	own := *e
	if err := c.prepare("edit", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_edit", account: own.Account}, &own)
}

// Delete takes a message back.
func (c *Channel) Delete(ctx context.Context, d *wit.ChannelDelete) (*wit.Sent, error) {
	own := *d
	if err := c.prepare("delete", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_delete", account: own.Account}, &own)
}

// React sets or, with an empty emoji, removes a reaction.
func (c *Channel) React(ctx context.Context, x *wit.ChannelReaction) (*wit.Sent, error) {
	own := *x
	if err := c.prepare("react", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_react", account: own.Account}, &own)
}

// Typing shows that an answer is being written.
func (c *Channel) Typing(ctx context.Context, t *wit.ChannelTyping) (*wit.Sent, error) {
	own := *t
	if err := c.prepare("typing", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_typing", account: own.Account}, &own)
}

// Preview shows what is being written.
func (c *Channel) Preview(ctx context.Context, p *wit.ChannelPreview) (*wit.Sent, error) {
	own := *p
	if err := c.prepare("preview", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_preview", account: own.Account}, &own)
}

// Poll asks a question with options.
func (c *Channel) Poll(ctx context.Context, p *wit.ChannelPoll) (*wit.Sent, error) {
	own := *p
	if err := c.prepare("poll", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.Sent](ctx, c.versions, c.id, request{export: "channel_poll", account: own.Account}, &own)
}

// Directory finds people and conversations by what they are called.
func (c *Channel) Directory(ctx context.Context, q *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	own := *q
	if err := c.prepare("directory", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.DirectoryAnswer](ctx, c.versions, c.id, request{export: "channel_directory", account: own.Account}, &own)
}

// Fetch gets a file that came with a message into the media store.
func (c *Channel) Fetch(ctx context.Context, q *wit.FileQuery) (*wit.FetchedFile, error) {
	own := *q
	if err := c.prepare("fetch", &own.Config, own.Account); err != nil {
		return nil, err
	}
	return call[wit.FetchedFile](ctx, c.versions, c.id, request{export: "channel_fetch", account: own.Account}, &own)
}

// Page gives a file of the page that visitors see.
func (c *Channel) Page(ctx context.Context, q *wit.PageQuery) (*wit.PageFile, error) {
	if err := c.operation("page"); err != nil {
		return nil, err
	}
	return call[wit.PageFile](ctx, c.versions, c.id, request{export: "channel_page"}, q)
}

// Open opens a connection under the plugin's permission with an account's credentials. It belongs to no
// call and outlives an upgrade to a version that may have it too, after which frames are filled in with
// what that one may use; it ends with ctx, and when the plugin is disabled or gone. Errors are those of egress.Client.Open.
func (c *Channel) Open(ctx context.Context, account string, o *wit.OpenConnection) (*egress.Conn, error) {
	v, err := c.versions.current(c.id)
	if err != nil {
		return nil, err
	}
	creds := func(name string) (string, error) {
		now, err := c.versions.current(c.id)
		if err != nil {
			return "", err
		}
		return now.guest.Credentials.For(ctx, account)(name)
	}
	made, err := v.guest.Connections.Open(ctx, account, creds, o)
	v.guest.Log.Refused("a connection", err)
	return made, err
}

// Stream makes a request that the plugin has named, and returns when the response begins; the caller closes its body.
// Errors are those of egress.Client.Do, and CodeRateLimited.
func (c *Channel) Stream(ctx context.Context, account string, req *wit.HTTPRequest) (*egress.Response, error) {
	return c.stream(ctx, account, req, 0)
}

func (c *Channel) operation(name string) error {
	if c.manifest() != nil && !c.Can(name) {
		return wit.Errorf(wit.CodeNotFound, "channel %s cannot %s", c.id, name)
	}
	return nil
}

func (c *Channel) prepare(operation string, config *wit.JSON, account string) error {
	if err := c.operation(operation); err != nil {
		return err
	}
	return c.fill(config, account)
}
