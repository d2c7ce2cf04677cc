package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/background"
)

// backgroundPlugins is background's view of the registry.
type backgroundPlugins struct{ registry *plugin.Registry }

func (p backgroundPlugins) Services() []background.Plugin {
	var list []background.Plugin
	for _, s := range p.registry.Services() {
		list = append(list, backgroundPlugin{s})
	}
	return list
}

func (p backgroundPlugins) Rollback(id, reason string) error { return p.registry.Rollback(id, reason) }

type backgroundPlugin struct{ *plugin.Service }

func (p backgroundPlugin) Enter(ctx context.Context) (background.Tenure, error) {
	t, err := p.Service.Enter(ctx)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (p backgroundPlugin) Report(s background.State) {
	if s.Phase == "" {
		p.Service.Report(nil)
		return
	}
	is := &plugin.ServiceState{State: string(s.Phase), Since: s.Since.UnixMilli(), Message: s.Message, Problem: s.Problem, Restarts: s.Restarts}
	if !s.Next.IsZero() {
		is.Next = s.Next.UnixMilli()
	}
	p.Service.Report(is)
}
