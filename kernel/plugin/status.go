package plugin

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/wit"
)

// Status is a plugin in a list.
type Status struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Version     string   `json:"version,omitempty"`
	Description string   `json:"description,omitempty"`
	State       State    `json:"state"`
	Reason      string   `json:"reason,omitempty"`
	Hint        string   `json:"hint,omitempty"`
	Path        string   `json:"path"`
	Stock       bool     `json:"stock"`
	Provides    Provided `json:"provides"`
	// Update is a package that did not take the place of what runs.
	Update *Update `json:"update,omitempty"`
	// Shadowed are tools that another plugin has under the same name.
	Shadowed []string     `json:"shadowedTools,omitempty"`
	Stats    engine.Stats `json:"stats"`
}

// Provided names what a plugin is.
type Provided struct {
	Channel  string   `json:"channel,omitempty"`
	Provider string   `json:"provider,omitempty"`
	Tools    []string `json:"tools,omitempty"`
	Hooks    []string `json:"hooks,omitempty"`
}

// Details is all that is known of a plugin.
type Details struct {
	Status
	License     string            `json:"license,omitempty"`
	Homepage    string            `json:"homepage,omitempty"`
	Host        string            `json:"host,omitempty"`
	Entry       string            `json:"entry,omitempty"`
	Hash        string            `json:"sha256,omitempty"`
	Permissions []PermissionRow   `json:"permissions"`
	Limits      wit.Limits        `json:"limits"`
	Config      wit.JSON          `json:"configSchema,omitempty"`
	Secrets     []string          `json:"secrets,omitempty"`
	Channel     *wit.ChannelFacts `json:"channel,omitempty"`
	GrantedBy   string            `json:"grantedBy,omitempty"`
	GrantedAt   int64             `json:"grantedAt,omitempty"`
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

// Info returns all that is known of a plugin, or CodeNotFound.
func (r *Registry) Info(id string) (Details, error) {
	s := r.table.of(id)
	if s == nil {
		return Details{}, wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	d := Details{Status: r.table.status(s), Permissions: []PermissionRow{}}
	m, v := s.manifest(), s.version
	if m == nil {
		return d, nil
	}
	g, granted := r.grants.Of(id)
	if granted {
		d.GrantedBy, d.GrantedAt = g.By, g.At
	}
	d.License, d.Homepage, d.Host, d.Entry = text(m.License), text(m.Homepage), text(m.Host), m.Entry
	d.Permissions, d.Config, d.Channel = permissionRows(m, &g.Permissions), m.Config, m.Provides.Channel
	if v == nil {
		return d, nil
	}
	if v.config.schema != nil {
		d.Secrets = v.config.schema.Secrets
	}
	spec := v.spec(classEvent)
	d.Limits = wit.Limits{Memory: spec.Memory, Deadline: spec.Deadline.Milliseconds(), MaxInstances: uint32(spec.Calls)}
	if m.Limits != nil {
		d.Limits.Instances = m.Limits.Instances
	}
	v.mu.Lock()
	d.Hash = v.hash
	v.mu.Unlock()
	return d, nil
}

func (t *table) status(s *standing) Status {
	is := s.status
	out := Status{ID: s.id, Name: s.id, Version: is.Version, State: is.Phase, Reason: is.Reason, Hint: is.Hint, Path: is.Path, Update: s.update}
	if m := s.manifest(); m != nil {
		out.Name, out.Version, out.Description, out.Provides = m.Name, m.Version, m.Description, provided(m)
	}
	if v := s.version; v != nil {
		out.Path, out.Stock, out.Stats = v.pkg.Path, v.pkg.Stock, v.callers.stats()
	} else if is.Phase == StateFailed {
		out.Update = nil // it says the same as state and reason
	}
	out.Shadowed = t.offers.Load().shadowed[s.id]
	return out
}

func provided(m *wit.Manifest) Provided {
	p := Provided{}
	if m.Provides.Channel != nil {
		p.Channel = m.Provides.Channel.Label
	}
	if m.Provides.Provider != nil {
		p.Provider = m.Provides.Provider.Label
	}
	for _, t := range m.Provides.Tools {
		p.Tools = append(p.Tools, t.Name)
	}
	for _, h := range m.Provides.Hooks {
		p.Hooks = append(p.Hooks, string(h.Name))
	}
	return p
}

func permissionRows(m *wit.Manifest, granted *wit.Permissions) []PermissionRow {
	rows := []PermissionRow{}
	p := &m.Permissions
	if p.HTTP != nil {
		detail := append(slices.Clone(p.HTTP.Hosts), grant.Methods(p.HTTP)...)
		rows = append(rows, PermissionRow{"http", p.HTTP.Reason, append(detail, p.HTTP.Paths...),
			len(grant.Beyond(granted, &wit.Permissions{HTTP: p.HTTP})) == 0})
	}
	if p.Credential != nil {
		only := wit.Permissions{Credential: p.Credential}
		rows = append(rows, PermissionRow{"credential", p.Credential.Reason, p.Credential.Names, len(grant.Beyond(granted, &only)) == 0})
	}
	for _, q := range []struct {
		name      string
		want, has *wit.Permission
	}{{"kv", p.KV, granted.KV}, {"schedule", p.Schedule, granted.Schedule}, {"emit", p.Emit, granted.Emit}, {"media", p.Media, granted.Media}} {
		if q.want != nil {
			rows = append(rows, PermissionRow{Name: q.name, Reason: q.want.Reason, Granted: q.has != nil})
		}
	}
	return rows
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
