package kernel

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/wizard"
)

// setups is the wizard's view of the gateway: the plugins that there are, and what plugins.configure does.
type setups struct {
	registry *plugin.Registry
	overview *system.Service
	models   session.Models
}

func (s setups) Plugins() (list []wizard.Plugin, err error) {
	for _, is := range s.registry.List() {
		details, err := s.registry.Info(is.ID)
		if err != nil {
			continue // it was removed meanwhile
		}
		p := wizard.Plugin{
			ID: is.ID, Name: is.Name, Description: is.Description, Channel: is.Provides.Channel != "", Provider: is.Provides.Provider != "",
		}
		if p.Fields, err = form.Read(json.RawMessage(details.Config)); err != nil {
			continue // its schema was checked when it came; a field that cannot be asked for is no reason to offer nothing
		}
		list = append(list, p)
	}
	return list, nil
}

func (s setups) Configure(ctx context.Context, c wizard.Setup) ([]string, error) {
	on := true
	p := system.Setup{ID: c.ID, Account: c.Account, Enabled: &on, Config: c.Config, Test: true, Secrets: c.Secrets}
	if c.DMPolicy != "" {
		p.Access = &system.Access{DMPolicy: c.DMPolicy}
	}
	done, err := s.overview.Configure(ctx, p)
	return done.Models, err
}

func (s setups) Model(ctx context.Context) string {
	d := s.models.Defaults(ctx)
	if d.Model == "" {
		return ""
	}
	return d.ModelProvider + "/" + d.Model
}
