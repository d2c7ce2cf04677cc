package config

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Changed says that settings of a plugin, or of one of its accounts, are new.
type Changed struct {
	Plugin  string `json:"plugin"`
	Account string `json:"account,omitempty"`
}

// ChangedKind is published after the new settings are on disk and in force.
var ChangedKind = event.Kind[Changed]{Name: "config.changed", Scope: wire.ScopeAdmin}

const (
	pluginTable  = store.Table[Plugin]("settings.plugin")
	accountTable = store.Table[Account]("settings.account")
)

// Settings is the config file over what the owner has set up: where both speak of a field, the file
// wins.
type Settings struct {
	file *Config
	db   store.Store
	bus  *event.Bus
	now  atomic.Pointer[stored]
}

// stored is what the database holds; it is replaced, never changed.
type stored struct {
	plugins  map[string]Plugin
	accounts map[string]map[string]Account
}

// NewSettings reads what was set up. Errors are the store's.
func NewSettings(ctx context.Context, file *Config, db store.Store, bus *event.Bus) (*Settings, error) {
	s := &Settings{file: file, db: db, bus: bus}
	return s, s.reload(ctx)
}

// File returns the config file's settings; the caller does not change them.
func (s *Settings) File() *Config { return s.file }

// Owners returns the ids of the owner on a channel.
func (s *Settings) Owners(channel string) []string {
	var ids []string
	for _, owner := range s.file.Owners {
		if id, ok := strings.CutPrefix(owner, channel+":"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// PluginEnabled reports whether the owner wants the plugin; true where nothing is said.
func (s *Settings) PluginEnabled(id string) bool {
	on := true
	for _, p := range []Plugin{s.now.Load().plugins[id], s.file.Plugins[id]} {
		if p.Enabled != nil {
			on = *p.Enabled
		}
	}
	return on
}

// PluginConfig returns the plugin's section, `{}` where nothing is said.
func (s *Settings) PluginConfig(id string) wit.JSON {
	return merge(s.now.Load().plugins[id].Config, s.file.Plugins[id].Config)
}

// AccountConfig returns an account's section, and whether there is such an account.
func (s *Settings) AccountConfig(channel, account string) (wit.JSON, bool) {
	a, ok := s.Account(channel, account)
	return a.Config, ok
}

// Account returns an account's settings, and whether there is such an account.
func (s *Settings) Account(channel, account string) (Account, bool) {
	a, set := s.now.Load().accounts[channel][account]
	f, filed := s.file.Channels[channel].Accounts[account]
	if filed {
		f.Config = merge(a.Config, f.Config)
		return f, true
	}
	a.Config = merge(a.Config, nil)
	return a, set
}

// AccountIDs lists a channel's accounts, sorted, the disabled ones too.
func (s *Settings) AccountIDs(channel string) []string {
	ids := map[string]bool{}
	for id := range s.file.Channels[channel].Accounts {
		ids[id] = true
	}
	for id := range s.now.Load().accounts[channel] {
		ids[id] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// SetUpPlugin returns what was set up for a plugin, without what the file says.
func (s *Settings) SetUpPlugin(id string) Plugin { return s.now.Load().plugins[id] }

// SetUpAccount returns what was set up for an account, without what the file says.
func (s *Settings) SetUpAccount(channel, account string) Account {
	return s.now.Load().accounts[channel][account]
}

// SetPlugin replaces what was set up for a plugin.
func (s *Settings) SetPlugin(ctx context.Context, id string, p Plugin) error {
	return s.change(ctx, Changed{Plugin: id}, func(tx store.Tx) error { return pluginTable.Put(tx, id, p) })
}

// SetAccount replaces what was set up for an account of a channel.
func (s *Settings) SetAccount(ctx context.Context, channel, account string, a Account) error {
	if !accountID.MatchString(account) {
		return wit.Errorf(wit.CodeInvalid, "account %q: a name is lower-case letters, digits, - and _", account)
	}
	if err := a.Check(account); err != nil {
		return err
	}
	return s.change(ctx, Changed{Plugin: channel, Account: account}, func(tx store.Tx) error {
		return accountTable.Put(tx, channel+"/"+account, a)
	})
}

// RemoveAccount forgets what was set up for an account.
func (s *Settings) RemoveAccount(ctx context.Context, channel, account string) error {
	return s.change(ctx, Changed{Plugin: channel, Account: account}, func(tx store.Tx) error {
		return accountTable.Delete(tx, channel+"/"+account)
	})
}

func (s *Settings) change(ctx context.Context, what Changed, write func(store.Tx) error) error {
	if err := s.db.Update(ctx, write); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	ChangedKind.Publish(s.bus, what)
	return nil
}

func (s *Settings) reload(ctx context.Context) error {
	next := &stored{plugins: map[string]Plugin{}, accounts: map[string]map[string]Account{}}
	err := s.db.View(ctx, func(tx store.Tx) error {
		for row, err := range pluginTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			next.plugins[row.Key] = row.Value
		}
		for row, err := range accountTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			next.add(row)
		}
		return nil
	})
	if err == nil {
		s.now.Store(next)
	}
	return err
}

// merge lays the fields of over on those of under. Both were checked to be objects or are absent.
func merge(under, over wit.JSON) wit.JSON {
	fields := map[string]json.RawMessage{}
	for _, section := range []wit.JSON{under, over} {
		if len(section) > 0 {
			_ = json.Unmarshal(section, &fields) // a section that is no object fails the plugin's schema instead
		}
	}
	if len(fields) == 0 && len(over) > 0 {
		return over
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return wit.JSON("{}")
	}
	return b
}

func (n *stored) add(row store.Row[Account]) {
	channel, account, _ := strings.Cut(row.Key, "/")
	if n.accounts[channel] == nil {
		n.accounts[channel] = map[string]Account{}
	}
	n.accounts[channel][account] = row.Value
}
