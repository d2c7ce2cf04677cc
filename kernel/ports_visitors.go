package kernel

import (
	"context"
	"io"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/visitor"
	"github.com/carapace-gateway/carapace/wit"
)

// Views of the channels that have a page, for the service of their visitors, and of what is pushed to these, for who sends.

// pages is visitor's view of the registry.
type pages struct{ registry *plugin.Registry }

func (p pages) Channels() []string { return channelPlugins(p).Channels() }

func (p pages) Channel(id string) (visitor.Plugin, bool) {
	c, err := p.registry.Channel(id)
	return c, err == nil
}

// pageAccounts is visitor's view of the accounts.
type pageAccounts struct{ channels func() *channel.Service }

func (a pageAccounts) Config(id, account string) (wit.JSON, bool) {
	if c := a.channels(); c != nil {
		return c.Config(id, account)
	}
	return nil, false
}

func (a pageAccounts) Visit(ctx context.Context, id, account string, call *wit.WebhookRequest) (*wit.WebhookReply, error) {
	c := a.channels()
	if c == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "this gateway has no channels")
	}
	return c.Visit(ctx, id, account, call)
}

// visitorFiles is visitor's view of the files; web is nil where the service is left out.
type visitorFiles struct{ web *media.Service }

func (f visitorFiles) Keep(ctx context.Context, mime, name string, body io.Reader, most int64) (wit.Attachment, error) {
	if f.web == nil {
		return wit.Attachment{}, wit.NewError(wit.CodeForbidden, "this gateway takes no files")
	}
	return f.web.Keep(ctx, mime, name, body, most)
}

func (f visitorFiles) Serve(w http.ResponseWriter, r *http.Request, id string) error {
	if f.web == nil {
		return wit.NewError(wit.CodeNotFound, "this gateway serves no files")
	}
	return f.web.Serve(w, r, id)
}

// addressOf is what a visitor's limits are counted by: nothing for a program of this machine.
func addressOf(p auth.Peer) string {
	if p.Local {
		return ""
	}
	return p.RemoteIP
}

// pushing is a channel that sends: what it pushes to visitors is kept before it counts as sent.
type pushing struct {
	*plugin.Channel
	visits *visitor.Visits
}

func (p pushing) keep(ctx context.Context, account string, sent *wit.Sent, err error) (*wit.Sent, error) {
	if err != nil || sent == nil || len(sent.Pushes) == 0 {
		return sent, err
	}
	return sent, p.visits.Send(ctx, message.Account{Channel: p.ID(), ID: account}, sent.Pushes)
}

func (p pushing) Send(ctx context.Context, s *wit.ChannelSend) (*wit.Sent, error) {
	sent, err := p.Channel.Send(ctx, s)
	return p.keep(ctx, s.Account, sent, err)
}

func (p pushing) Edit(ctx context.Context, e *wit.ChannelEdit) (*wit.Sent, error) {
	sent, err := p.Channel.Edit(ctx, e)
	return p.keep(ctx, e.Account, sent, err)
}

func (p pushing) Delete(ctx context.Context, d *wit.ChannelDelete) (*wit.Sent, error) {
	sent, err := p.Channel.Delete(ctx, d)
	return p.keep(ctx, d.Account, sent, err)
}

func (p pushing) React(ctx context.Context, x *wit.ChannelReaction) (*wit.Sent, error) {
	sent, err := p.Channel.React(ctx, x)
	return p.keep(ctx, x.Account, sent, err)
}

func (p pushing) Typing(ctx context.Context, t *wit.ChannelTyping) (*wit.Sent, error) {
	sent, err := p.Channel.Typing(ctx, t)
	return p.keep(ctx, t.Account, sent, err)
}

func (p pushing) Preview(ctx context.Context, v *wit.ChannelPreview) (*wit.Sent, error) {
	sent, err := p.Channel.Preview(ctx, v)
	return p.keep(ctx, v.Account, sent, err)
}

func (p pushing) Poll(ctx context.Context, q *wit.ChannelPoll) (*wit.Sent, error) {
	sent, err := p.Channel.Poll(ctx, q)
	return p.keep(ctx, q.Account, sent, err)
}
