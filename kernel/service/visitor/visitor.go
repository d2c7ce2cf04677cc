// Package visitor serves the pages of channels that have one, and holds the connections of the visitors who open them.
//
// A channel's manifest declares the page (wit/manifest.wit, visitor-facts); below `/<path>/<account>/` are its files, which the
// plugin gives and a browser runs nothing besides, and below `-/` what the page's script asks for:
//
//	POST visit       a token for a new visit, or with the pass of an earlier one for that
//	POST call/…      hands a call, with its files, to the plugin as a webhook event, and answers what the plugin replies
//	GET  events      what is pushed to the visit, as an event stream
//	POST ack         says up to where the browser has it
//	GET  file/{id}   a file that was pushed
//	POST end         forgets the visit
//
// Tokens are signed with a key of the vault's, for one account and one visit: one for the calls, for ten minutes, and the pass,
// by which a browser asks for the next one, for thirty days. Nothing is kept for a visit before something is pushed to it, so who only asks for tokens costs
// nothing. There are no cookies; a page of another origin is let in where the owner lists it, and by no one else framed.
//
// What is pushed under a key is kept (see Visits) until the browser has said that it has it, and then among the last of the
// visit: a page that is loaded again, and a gateway that is started again, show the same.
//
// Calls are bounded in size, in time, in number at once and in rate: of a visitor, of an address, and of an account. Streams are
// bounded of a visitor, of an address and of an account, and one that does not read is ended. Everything is safe for concurrent use.
package visitor

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on.
type Deps struct {
	Visits   *Visits
	Plugins  Plugins
	Accounts Accounts
	Files    Files
	// Key signs tokens. It is of nobody else's.
	Key []byte
	// Address is what a request's limits are counted by; "" is a program of this machine, which has none.
	Address func(*http.Request) string
	// Ending is closed when the gateway stops.
	Ending func() <-chan struct{}
	Log    hclog.Logger
}

// Plugins finds channels. Its methods are quick.
type Plugins interface {
	// Channels lists the ids of the channels that can be called now.
	Channels() []string
	// Channel finds one; false while it cannot be called.
	Channel(id string) (Plugin, bool)
}

// Plugin is a channel's code.
type Plugin interface {
	Facts() *wit.ChannelFacts
	// Build changes whenever the code does.
	Build() string
	// Page gives a file of the page.
	Page(ctx context.Context, q *wit.PageQuery) (*wit.PageFile, error)
}

// Accounts are those of channels.
type Accounts interface {
	// Config is an account's configuration; false where there is no such account, or it is switched off.
	Config(channel, account string) (wit.JSON, bool)
	// Visit has an account handle a visitor's call, and returns the plugin's reply. Errors: as channel.Service's.
	Visit(ctx context.Context, channel, account string, call *wit.WebhookRequest) (*wit.WebhookReply, error)
}

// Service serves pages.
type Service struct {
	Deps
	log    hclog.Logger
	tokens tokens
	limits *limits
	parts  *parts
}

// New returns the service; nothing runs before Run.
func New(d Deps) *Service {
	return &Service{Deps: d, log: d.Log.Named("visitor"), tokens: tokens{d.Key, time.Now}, limits: newLimits(), parts: newParts()}
}

// maxBody bounds what a request may bring, in bytes; the plugin's facts bound it further.
const maxBody = 32 << 20

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "visitor", Run: s.Visits.run,
		Routes: []service.Route{
			{Pattern: "/{page}/{account}", Takes: s.takes, Handler: s, MaxBody: maxBody, Streams: true},
			{Pattern: "/{page}/{account}/*", Takes: s.takes, Handler: s, MaxBody: maxBody, Streams: true},
		},
		Metrics: []service.Metric{{
			Name: "carapace_visitors", Help: "Connections of visitors to the pages of channels.",
			Collect: func() []service.Sample { return []service.Sample{{Value: float64(s.limits.connected())}} },
		}},
	}
}
