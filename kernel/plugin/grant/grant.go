// Package grant is what plugins may be, use and ask for: what the owner, an installation or the gateway itself granted.
//
// Grants are kept by plugin id in the store and in memory. A grant outlives its plugin, and what a manifest asks
// for beyond it is listed, never given, unless nobody has to be asked. Everything is safe for concurrent use.
package grant

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Who granted.
const (
	ByStock   = "stock"   // it came with the gateway
	ByInstall = "install" // the owner put the folder there
	ByOwner   = "owner"   // the owner was asked
)

// Grant is what a plugin may be, use and ask for. It outlives the plugin, so that taking it away and putting
// something bolder in its place does not widen it.
type Grant struct {
	Permissions wit.Permissions `json:"permissions"`
	// Is names what it may be: see kinds. It is nil in grants that were recorded before that was looked at.
	Is []string `json:"is,omitzero"`
	// Limits are the largest that it may have.
	Limits  wit.Limits `json:"limits,omitzero"`
	By      string     `json:"by"`
	At      int64      `json:"at"`
	Version string     `json:"version"`
}

const grantTable = store.Table[Grant]("plugin.grant")

// Grants is what was granted to all plugins, kept in memory and written through.
type Grants struct {
	store store.Store
	mu    sync.Mutex
	known map[string]Grant
}

// Open reads what was granted. Errors are the store's.
func Open(ctx context.Context, db store.Store) (*Grants, error) {
	g := &Grants{store: db, known: map[string]Grant{}}
	return g, db.View(ctx, func(tx store.Tx) error {
		for row, err := range grantTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			g.known[row.Key] = row.Value
		}
		return nil
	})
}

// Of returns what is granted to a plugin.
func (g *Grants) Of(id string) (Grant, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	have, ok := g.known[id]
	return have, ok
}

// Covers reports whether a plugin was granted all that its manifest says.
func (g *Grants) Covers(m *wit.Manifest) bool {
	have, ok := g.Of(m.ID)
	return ok && have.Is != nil && len(have.Lacking(m)) == 0
}

// Admit grants a plugin what it asks for where nobody has to be asked: at first sight, and when a new
// gateway brings a new version of a stock plugin that has never been anything else. It reports whether
// it did, and what is still lacking.
func (g *Grants) Admit(ctx context.Context, m *wit.Manifest, isStock bool) (granted bool, lacking []string, err error) {
	have, seen := g.Of(m.ID)
	lacking = have.Lacking(m)
	if isStock { // what it is came with the gateway, whatever stood in its place meanwhile
		lacking = Beyond(&have.Permissions, &m.Permissions)
	}
	if seen && len(lacking) == 0 {
		if have.Is == nil {
			err = g.Record(ctx, m, have.By)
		}
		return false, nil, err
	}
	by := ByInstall
	if isStock {
		by = ByStock
	}
	if seen && !(isStock && have.By == ByStock) {
		return false, lacking, nil
	}
	return true, nil, g.Record(ctx, m, by)
}

// Record grants a plugin exactly what its manifest says and asks for.
func (g *Grants) Record(ctx context.Context, m *wit.Manifest, by string) error {
	put, done := g.Grant(m, by)
	if err := g.store.Update(ctx, put); err != nil {
		return err
	}
	done()
	return nil
}

// Grant is Record for a transaction of somebody else's: put is done in it, and done is called after it.
func (g *Grants) Grant(m *wit.Manifest, by string) (put func(store.Tx) error, done func()) {
	return g.change(m.ID, Grant{Permissions: m.Permissions, Is: kinds(&m.Provides), Limits: manifest.Limits(m), By: by, At: time.Now().UnixMilli(), Version: m.Version})
}

// Revoke is Grant for nothing at all: the plugin is known, and was granted nothing.
func (g *Grants) Revoke(id string) (put func(store.Tx) error, done func()) {
	return g.change(id, Grant{Is: []string{}, By: ByOwner, At: time.Now().UnixMilli()})
}

func (g *Grants) change(id string, next Grant) (put func(store.Tx) error, done func()) {
	return func(tx store.Tx) error { return grantTable.Put(tx, id, next) }, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.known[id] = next
	}
}

// Lacking lists what a manifest is, uses and asks for and the grant does not cover.
func (g *Grant) Lacking(m *wit.Manifest) []string {
	lacking := Beyond(&g.Permissions, &m.Permissions)
	if g.Is == nil {
		return lacking
	}
	for _, kind := range kinds(&m.Provides) {
		if !slices.Contains(g.Is, kind) {
			lacking = append(lacking, kind)
		}
	}
	want := manifest.Limits(m)
	for _, limit := range []struct {
		name       string
		have, want int64
		shown      func(int64) string
	}{
		{"limits.memory", g.Limits.Memory, want.Memory, megabytes},
		{"limits.deadline", g.Limits.Deadline, want.Deadline, func(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }},
		{"limits.maxInstances", int64(g.Limits.MaxInstances), int64(want.MaxInstances), func(n int64) string { return strconv.FormatInt(n, 10) }},
	} {
		if limit.want <= limit.have {
			continue
		}
		more := limit.name + " " + limit.shown(limit.want)
		if limit.have > 0 { // of what was taken back there is nothing to compare with
			more += " instead of " + limit.shown(limit.have)
		}
		lacking = append(lacking, more)
	}
	return lacking
}

// megabytes is a number of bytes for people.
func megabytes(n int64) string {
	return strconv.FormatFloat(math.Ceil(float64(n)/(1<<20)*10)/10, 'f', -1, 64) + " MB"
}

// kinds names what a plugin is: its kinds, of which tools stand one by one with their effects, since approvals go by them,
// webhooks with how who calls proves itself, and hooks with what becomes of an event that they fail on. It is never nil.
func kinds(p *wit.Provides) []string {
	kinds := slices.DeleteFunc(p.Kinds(), func(kind string) bool { return kind == "tool" || kind == "webhook" || kind == "hook" })
	if kinds == nil {
		kinds = []string{}
	}
	for _, t := range p.Tools {
		kind := "tool " + t.Name
		for _, effect := range slices.Sorted(slices.Values(t.Effects)) {
			kind += " " + string(effect)
		}
		kinds = append(kinds, kind)
	}
	for _, w := range p.Webhooks {
		kinds = append(kinds, "webhook "+w.Path+" "+string(w.Accepts.Auth))
	}
	for _, h := range p.Hooks {
		kind := "hook " + string(h.Name)
		if h.OnFailure != nil {
			kind += " " + string(*h.OnFailure)
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// Beyond lists what want asks for and have does not cover.
func Beyond(have, want *wit.Permissions) []string {
	var lacking []string
	if want.HTTP != nil {
		lacking = append(lacking, beyondHTTP(have.HTTP, want.HTTP)...)
	}
	if want.Credential != nil {
		var names []string
		if have.Credential != nil {
			names = have.Credential.Names
		}
		for _, name := range want.Credential.Names {
			if !slices.Contains(names, name) {
				lacking = append(lacking, "credential "+name)
			}
		}
	}
	for _, name := range want.Names() {
		if name != "http" && name != "credential" {
			lacking = append(lacking, beyondNames(have, want, name)...)
		}
	}
	return lacking
}

// Named returns the names that a permission is for, which are all where it lists none.
func Named(p *wit.Permissions, permission string) []string {
	switch {
	case permission == "messageSend" && p.MessageSend != nil:
		return p.MessageSend.Channels
	case permission == "agentRun" && p.AgentRun != nil:
		return p.AgentRun.Agents
	case permission == "sessionRead" && p.SessionRead != nil:
		return p.SessionRead.Agents
	case permission == "toolInvoke" && p.ToolInvoke != nil:
		return p.ToolInvoke.Tools
	}
	return nil
}

// beyondNames is Beyond for a permission that may be for some names only.
func beyondNames(have, want *wit.Permissions, permission string) (lacking []string) {
	had, asked := Named(have, permission), Named(want, permission)
	switch {
	case !have.Has(permission) && len(asked) == 0, len(had) > 0 && len(asked) == 0:
		return []string{permission}
	case have.Has(permission) && len(had) == 0:
		return nil
	}
	for _, name := range asked {
		if !slices.Contains(had, name) {
			lacking = append(lacking, permission+" "+name)
		}
	}
	return lacking
}

func beyondHTTP(have, want *wit.HTTPPermission) []string {
	if have == nil {
		have = &wit.HTTPPermission{Methods: []string{"-"}, Paths: []string{"-"}}
	}
	var lacking []string
	for _, host := range want.Hosts {
		if !slices.ContainsFunc(have.Hosts, func(h string) bool { return coversHost(h, host) }) {
			lacking = append(lacking, "http host "+host)
		}
	}
	for _, method := range Methods(want) {
		if !slices.Contains(Methods(have), method) {
			lacking = append(lacking, "http method "+method)
		}
	}
	if len(have.Paths) == 0 {
		return lacking
	}
	if len(want.Paths) == 0 {
		return append(lacking, "http on every path")
	}
	for _, path := range want.Paths {
		if !slices.ContainsFunc(have.Paths, func(p string) bool { return strings.HasPrefix(path, p) }) {
			lacking = append(lacking, "http path "+path)
		}
	}
	return lacking
}

// Methods returns the methods that a permission allows.
func Methods(p *wit.HTTPPermission) []string {
	if len(p.Methods) == 0 {
		return wit.DefaultHTTPPermissionMethods()
	}
	return p.Methods
}

func coversHost(have, want string) bool {
	if suffix, ok := strings.CutPrefix(have, "*."); ok && strings.HasSuffix(want, "."+suffix) && !strings.HasPrefix(want, "config:") {
		return true
	}
	return have == want
}
