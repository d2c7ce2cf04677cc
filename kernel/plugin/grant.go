package plugin

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Who granted.
const (
	byStock   = "stock"   // it came with the gateway
	byInstall = "install" // the owner put the folder there
	byOwner   = "owner"   // the owner was asked
)

// grant is what a plugin may ask for. It outlives the plugin, so that taking it away and putting
// something bolder in its place does not widen it.
type grant struct {
	Permissions wit.Permissions `json:"permissions"`
	By          string          `json:"by"`
	At          int64           `json:"at"`
	Version     string          `json:"version"`
}

const grantTable = store.Table[grant]("plugin.grant")

// grants is what was granted to all plugins, kept in memory and written through.
type grants struct {
	store store.Store
	mu    sync.Mutex
	known map[string]grant
}

func openGrants(ctx context.Context, db store.Store) (*grants, error) {
	g := &grants{store: db, known: map[string]grant{}}
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

// of returns what is granted to a plugin.
func (g *grants) of(id string) (grant, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	have, ok := g.known[id]
	return have, ok
}

// admit grants a plugin what it asks for where nobody has to be asked: at first sight, and when a new
// gateway brings a new version of a stock plugin that has never been anything else. It reports whether
// it did, and what is still lacking.
func (g *grants) admit(ctx context.Context, m *wit.Manifest, isStock bool) (granted bool, lacking []string, err error) {
	have, seen := g.of(m.ID)
	if lacking = beyond(&have.Permissions, &m.Permissions); seen && len(lacking) == 0 {
		return false, nil, nil
	}
	by := byInstall
	if isStock {
		by = byStock
	}
	if seen && !(isStock && have.By == byStock) {
		return false, lacking, nil
	}
	return true, nil, g.record(ctx, m, by)
}

// record grants a plugin exactly what its manifest asks for.
func (g *grants) record(ctx context.Context, m *wit.Manifest, by string) error {
	next := grant{Permissions: m.Permissions, By: by, At: time.Now().UnixMilli(), Version: m.Version}
	err := g.store.Update(ctx, func(tx store.Tx) error { return grantTable.Put(tx, m.ID, next) })
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[m.ID] = next
	return nil
}

// beyond lists what want asks for and have does not cover.
func beyond(have, want *wit.Permissions) []string {
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
	for _, name := range permissionNames(want) {
		if name != "http" && name != "credential" && !permits(have, name) {
			lacking = append(lacking, name)
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
	for _, method := range methodsOf(want) {
		if !slices.Contains(methodsOf(have), method) {
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

func methodsOf(p *wit.HTTPPermission) []string {
	if len(p.Methods) == 0 {
		return []string{"GET", "POST"}
	}
	return p.Methods
}

func coversHost(have, want string) bool {
	if suffix, ok := strings.CutPrefix(have, "*."); ok && strings.HasSuffix(want, "."+suffix) && !strings.HasPrefix(want, "config:") {
		return true
	}
	return have == want
}
