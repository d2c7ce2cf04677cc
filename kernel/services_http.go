package kernel

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/control"
	"github.com/carapace-gateway/carapace/kernel/service/inlet"
	"github.com/carapace-gateway/carapace/kernel/service/mcp"
	"github.com/carapace-gateway/carapace/kernel/service/openai"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/toolbox"
	"github.com/carapace-gateway/carapace/kernel/service/visitor"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// The services that are reached over HTTP.

func (w *wiring) openai() func() service.Service {
	return openai.New(openai.Deps{
		Admit: w.admit, Sessions: w.sessions, Runs: w.runs, Watch: w.watch, Models: w.models, Media: clientFiles{w.state.media, w.web}, Log: w.log,
	}).Service
}

func (w *wiring) toolbox() func() service.Service {
	return toolbox.New(toolbox.Deps{Admit: w.admit, Tools: toolCaller{w}, Log: w.log}).Service
}

func (w *wiring) mcp() func() service.Service {
	return mcp.New(mcp.Deps{Admit: w.admit, Tools: toolCaller{w}, Bus: w.bus, Version: w.o.Version, Log: w.log}).Service
}

func (w *wiring) control() func() service.Service {
	return control.New(control.Deps{
		Admit: w.admit, Page: func(r *http.Request) error { return w.door.gateway.Page(r) }, Log: w.log,
		Call: func(ctx context.Context, c *rpc.Caller, method string, params json.RawMessage) (any, error) {
			return w.door.table.Call(ctx, c, method, params, nil)
		},
	}).Service
}

func (w *wiring) visitor() func() service.Service {
	return visitor.New(visitor.Deps{
		Visits: w.visits, Plugins: pages{w.platform.plugins}, Accounts: pageAccounts{w.later}, Files: visitorFiles{w.web}, Key: w.state.vault.Key("visitors"),
		Address: func(r *http.Request) string { return addressOf(w.door.who.Peer(r)) }, Ending: func() <-chan struct{} { return w.door.gateway.Ending() }, Log: w.log,
	}).Service
}

func (w *wiring) inlet() func() service.Service {
	return inlet.New(inlet.Deps{
		Path: w.start.Hooks.Path, Settings: func() config.Hooks { return w.settings.Config().Hooks }, Store: w.state.db, Runs: w.runs, Transform: w.transform,
		Answers: w.answers, Model: w.models.Check, Log: w.log,
	}).Service
}

// transform calls a tool for a hook, past the same hooks as a model's call. What the tool writes is the text of its result.
func (w *wiring) transform(ctx context.Context, tool string, call wit.JSON) (string, error) {
	settings := w.sessionSettings()
	out, err := w.agents.Invoke(ctx, wit.HookContext{Agent: settings.DefaultAgent, Session: string(settings.Main(""))}, tool, call)
	if err != nil {
		return "", err
	}
	text := session.Message{Parts: out.Content}.Text()
	if out.Failed {
		return "", wit.Errorf(wit.CodeUnavailable, "the tool %s failed: %.200s", tool, text)
	}
	return text, nil
}

// admit says who makes a request of a service's route; the gateway is made after them.
func (w *wiring) admit(r *http.Request) (*rpc.Caller, error) { return w.door.gateway.Admit(r) }

// admitScope is admit for what paired devices may ask for too.
func (w *wiring) admitScope(r *http.Request, want wire.Scope) (*rpc.Caller, error) {
	return w.door.gateway.AdmitScope(r, want)
}
