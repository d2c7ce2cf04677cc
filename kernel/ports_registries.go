package kernel

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/wit"
)

// registrySettings is catalog's view of the settings.
type registrySettings struct{ settings *config.Settings }

// sources lists the registries. What is no registry was refused with the settings.
func (s registrySettings) sources() []registry.Source {
	all := s.settings.Config().Registries
	list := make([]registry.Source, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if src, err := registry.NewSource(name, all[name].URL, all[name].Key); err == nil {
			list = append(list, src)
		}
	}
	return list
}

// installedPlugins is catalog's view of the plugins.
type installedPlugins struct {
	registry *plugin.Registry
	depot    *depot.Depot
}

func (p installedPlugins) list() (list []catalog.Installed) {
	for _, is := range p.registry.List() {
		i := catalog.Installed{ID: is.ID, Version: is.Version}
		if is.State != plugin.StateFailed && is.State != plugin.StateStopped {
			i.Runs = is.Version
		}
		if p, there := p.depot.Of(is.ID); there {
			if v := p.Find(p.Wanted); v != nil {
				i.Version, i.Digest, i.Registry = v.Version, v.Digest, v.Origin.Registry
			}
		} else if is.Stock {
			continue
		}
		list = append(list, i)
	}
	return list
}

// packages is install's view of the catalog, which is made after it, or left out.
type packages struct{ later *wiring }

// Find implements install.Finder.
func (p packages) Find(ctx context.Context, name, versions string) (install.Found, error) {
	if p.later.packages == nil {
		return install.Found{}, wit.NewError(wit.CodeNotFound, "this gateway looks for nothing in registries: name a folder, an archive or an https address")
	}
	if versions != "" {
		name += "@" + versions
	}
	f, err := p.later.packages.Find(ctx, name)
	if err != nil {
		return install.Found{}, err
	}
	data, err := p.later.packages.Fetch(ctx, f)
	return install.Found{Archive: data, Registry: f.Registry, Unread: f.Unread}, err
}

// archives is install's view of addresses: those of the web, and those of artifacts.
type archives struct {
	web download
	oci *oci.Client
}

func (a archives) fetch(ctx context.Context, address string, most int64) ([]byte, error) {
	if !strings.HasPrefix(address, oci.Scheme) {
		return a.web.fetch(ctx, address, most)
	}
	artifact, err := a.oci.Fetch(ctx, address, most)
	if err != nil {
		return nil, err
	}
	return artifact.Data, nil
}
