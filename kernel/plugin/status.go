package plugin

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// Origin is how a plugin came to the gateway.
type Origin string

const (
	OriginBuiltIn   Origin = "built-in"
	OriginInstalled Origin = "installed"
	OriginFolder    Origin = "folder"
)

// origin is how a package came here.
func origin(p source.Package) Origin {
	switch {
	case p.Stock:
		return OriginBuiltIn
	case p.Digest != "":
		return OriginInstalled
	}
	return OriginFolder
}

// Status is a plugin in a list.
type Status struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Version     string `json:"version,omitempty"`
	Description string `json:"description,omitempty"`
	State       State  `json:"state"`
	Reason      string `json:"reason,omitempty"`
	Hint        string `json:"hint,omitempty"`
	Path        string `json:"path"`
	Stock       bool   `json:"stock"`
	// Origin is how it came here: built-in, installed, or folder, which somebody has put there by hand.
	Origin   Origin       `json:"origin,omitempty"`
	Provides wit.Provided `json:"provides"`
	// Update is a package that did not take the place of what runs.
	Update *Update `json:"update,omitempty"`
	// Shadowed are tools that another plugin has under the same name.
	Shadowed []string     `json:"shadowedTools,omitempty"`
	Stats    engine.Stats `json:"stats"`
	// Crash is the last call that panicked, trapped or did not end, for callers with the admin scope.
	Crash *Crash `json:"lastCrash,omitempty"`
	// Service is how its service is, where it has one that is being run.
	Service *ServiceState `json:"service,omitempty"`
}

// Details is all that is known of a plugin.
type Details struct {
	Status
	License     string            `json:"license,omitempty"`
	Homepage    string            `json:"homepage,omitempty"`
	Maturity    wit.Maturity      `json:"maturity,omitempty"`
	Support     string            `json:"support,omitempty"`
	Keywords    []string          `json:"keywords,omitempty"`
	Changes     []wit.Change      `json:"changes,omitempty"`
	Host        string            `json:"host,omitempty"`
	Entry       string            `json:"entry,omitempty"`
	Hash        string            `json:"sha256,omitempty"`
	Permissions []PermissionRow   `json:"permissions"`
	Limits      wit.Limits        `json:"limits"`
	Config      wit.JSON          `json:"configSchema,omitempty"`
	Secrets     []string          `json:"secrets,omitempty"`
	Channel     *wit.ChannelFacts `json:"channel,omitempty"`
	// Webhooks are at /plugins/<id>/<path>.
	Webhooks  []wit.WebhookRoute `json:"webhooks,omitempty"`
	GrantedBy string             `json:"grantedBy,omitempty"`
	GrantedAt int64              `json:"grantedAt,omitempty"`
	// Waiting is an update that asks for more than was granted.
	Waiting *Waiting `json:"waiting,omitempty"`
	// Digest names the archive that runs, where it was installed. Versions are those that are kept, the last one first.
	Digest   string      `json:"digest,omitempty"`
	Versions []Installed `json:"versions,omitempty"`
}

// Installed is a version that is kept.
type Installed struct {
	Version string           `json:"version"`
	Digest  string           `json:"digest"`
	Signers []archive.Signer `json:"signers"`
	From    depot.Origin     `json:"from"`
	// At is when it was installed, in Unix milliseconds.
	At int64 `json:"at"`
	// Wanted says that it is the one that should run.
	Wanted bool `json:"wanted,omitempty"`
}

// Waiting is what waits for a grant, with its own reasons.
type Waiting struct {
	Version     string          `json:"version"`
	Digest      string          `json:"digest"`
	Lacking     []string        `json:"lacking"`
	Permissions []PermissionRow `json:"permissions"`
	Limits      wit.Limits      `json:"limits"`
}

// PermissionRow is one thing that a plugin may ask for.
type PermissionRow struct {
	Name    string   `json:"name"`
	Reason  string   `json:"reason"`
	Detail  []string `json:"detail,omitempty"`
	Granted bool     `json:"granted"`
}

// List returns all plugins, by id.
func (r *Registry) List() []Status {
	all := r.table.all()
	list := make([]Status, 0, len(all))
	for _, s := range all {
		list = append(list, r.table.status(s))
	}
	return list
}

// Manifests returns those of all plugins that have one, by id. Nobody changes them.
func (r *Registry) Manifests() []*wit.Manifest {
	var list []*wit.Manifest
	for _, s := range r.table.all() {
		if m := s.manifest(); m != nil {
			list = append(list, m)
		}
	}
	return list
}

// Info returns all that is known of a plugin, or CodeNotFound.
func (r *Registry) Info(id string) (Details, error) {
	s := r.table.of(id)
	if s == nil {
		return Details{}, wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	d := Details{Status: r.table.status(s), Permissions: []PermissionRow{}, Versions: r.keptVersions(id)}
	m, v := s.manifest(), s.version
	g, granted := r.grants.Of(id)
	if w := s.waiting; w != nil {
		d.Waiting = &Waiting{Version: w.Version, Digest: s.update.Digest, Lacking: s.update.Lacking,
			Permissions: permissionRows(w, &g.Permissions), Limits: manifest.Limits(w)}
	}
	if m == nil {
		return d, nil
	}
	if granted {
		d.GrantedBy, d.GrantedAt = g.By, g.At
	}
	d.License, d.Homepage, d.Host, d.Entry = text(m.License), text(m.Homepage), text(m.Host), m.Entry
	d.Support, d.Keywords, d.Changes = text(m.Support), m.Keywords, m.Changes
	if m.Maturity != nil {
		d.Maturity = *m.Maturity
	}
	d.Permissions, d.Config = permissionRows(m, &g.Permissions), m.Config
	d.Channel, d.Webhooks = m.Provides.Channel, m.Provides.Webhooks
	if schema, err := s.schema(); err == nil && schema != nil {
		d.Secrets = schema.Secrets
	}
	if v == nil {
		return d, nil
	}
	d.Limits, d.Digest = manifest.Limits(v.manifest), v.pkg.Digest
	v.mu.Lock()
	d.Hash = v.hash
	v.mu.Unlock()
	return d, nil
}

// keptVersions are those of a plugin that was installed, and can be gone back to.
func (r *Registry) keptVersions(id string) (list []Installed) {
	p := r.keeper.installed(id)
	for _, v := range p.Versions {
		list = append(list, Installed{v.Version, v.Digest, v.Signers, v.Origin, v.At, v.Digest == p.Wanted})
	}
	return list
}

// Permissions are what a manifest asks for, and which of it its plugin was granted.
func (r *Registry) Permissions(m *wit.Manifest) []PermissionRow {
	g, _ := r.grants.Of(m.ID)
	return permissionRows(m, &g.Permissions)
}

// status is what a list says of a plugin. Version and path are those of what runs, if something does; Update says
// what did not take its place.
func (t *table) status(s *standing) Status {
	is := s.status
	out := Status{ID: s.id, Name: s.id, Version: is.Version, State: is.Phase, Reason: is.Reason, Hint: is.Hint, Path: is.Path, Origin: s.origin, Update: s.update}
	if m := s.manifest(); m != nil {
		out.Name, out.Version, out.Description, out.Provides = m.Name, m.Version, m.Description, m.Provides.Summary()
	}
	if v := s.version; v != nil {
		out.Origin = origin(v.pkg)
		out.Path, out.Stock, out.Stats = v.pkg.Path, v.pkg.Stock, v.callers.stats()
	} else if is.Phase == StateFailed {
		out.Update = nil // it says the same as state and reason
	}
	if r := (*t.rows.Load())[s.id]; r != nil {
		out.Crash, out.Service = r.crash.Load(), r.service.Load()
	}
	out.Shadowed = t.offers.Load().shadowed[s.id]
	return out
}

func permissionRows(m *wit.Manifest, granted *wit.Permissions) []PermissionRow {
	rows := []PermissionRow{}
	for _, name := range m.Permissions.Names() {
		only := m.Permissions.Only(name)
		rows = append(rows, PermissionRow{Name: name, Reason: only.Reason(name), Detail: detail(&only, name), Granted: len(grant.Beyond(granted, &only)) == 0})
	}
	return rows
}

// detail says how far a permission goes, where the manifest says so.
func detail(p *wit.Permissions, name string) []string {
	switch name {
	case "http":
		return slices.Concat(p.HTTP.Hosts, grant.Methods(p.HTTP), p.HTTP.Paths)
	case "credential":
		return p.Credential.Names
	}
	return grant.Named(p, name)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
