package config

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Changed says that settings are new: those of a plugin, of one of its accounts, or, with neither, of the gateway.
type Changed struct {
	Plugin  string `json:"plugin"`
	Account string `json:"account,omitempty"`
}

// ChangedKind is published after the new settings are in the file and in force.
var ChangedKind = event.Kind[Changed]{Name: "config.changed", Scope: wire.ScopeAdmin}

// Deps is what the settings stand on. Bus and Log are needed.
type Deps struct {
	// Path is the config file; "" keeps the settings in memory. Text is what they begin as; without it the file is read.
	Path string
	Text []byte
	// Override is what this start says over the file, by flags and the environment. It is called for each reading and
	// never written.
	Override func(*Config)
	// Changed is told which settings have changed, by their paths, when somebody has written the file otherwise than by Edit and
	// Run has put that in force; nil tells nobody.
	Changed func(paths []string)
	Bus     *event.Bus
	Log     hclog.Logger
}

// Settings is the config file, in step with it in both directions: what a client sets is written there, and what
// somebody writes there is in force within a second.
type Settings struct {
	deps Deps
	log  hclog.Logger
	mu   sync.Mutex // one change at a time
	now  atomic.Pointer[snapshot]
	// problem is why the file as it is now is not in force; nil where it is.
	problem atomic.Pointer[problem]
}

// problem is a text of the file that cannot be used.
type problem struct {
	text []byte
	err  error
}

// snapshot is the settings of a moment; it is replaced, never changed.
type snapshot struct {
	document *Document // of the file
	files    []string  // that it includes
	leaves   map[string]string
	config   *Config // with what this start says over it
	faults   []*Fault
	exists   bool
}

// Open reads the file, unless somebody has. Errors are those of Load.
func Open(d Deps) (*Settings, error) {
	s := &Settings{deps: d, log: d.Log.Named("config")}
	text, err := d.Text, error(nil)
	if text == nil {
		text, err = s.read()
	}
	exists := err == nil && d.Path != ""
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	next, err := s.snapshot(text)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "config: %s: %w", d.Path, err)
	}
	next.exists = exists
	s.now.Store(next)
	s.tell(next.faults, nil)
	return s, nil
}

// origin is where the settings come from.
func (s *Settings) origin() origin {
	if s.deps.Path == "" {
		return origin{env: os.LookupEnv}
	}
	return fileOrigin(s.deps.Path)
}

// read returns the file's text, or the one in memory.
func (s *Settings) read() ([]byte, error) {
	if s.deps.Path != "" {
		return Read(s.deps.Path)
	}
	if now := s.now.Load(); now != nil {
		return now.document.text, nil
	}
	return s.deps.Text, nil
}

func (s *Settings) snapshot(text []byte) (*snapshot, error) {
	d, err := parse(text, s.origin())
	if err != nil {
		return nil, err
	}
	whole, files, err := d.resolved(true, true)
	if err != nil {
		return nil, err
	}
	c, faults, err := whole.sparing((*Document).checked)
	if err != nil {
		return nil, err
	}
	if s.deps.Override != nil {
		s.deps.Override(c)
	}
	return &snapshot{document: d, files: files, leaves: whole.leaves(), config: c, faults: faults, exists: true}, nil
}

// Path is the config file's, "" where the settings are in memory.
func (s *Settings) Path() string { return s.deps.Path }

// Config returns the settings in force, with what this start says over the file; the caller does not change them.
func (s *Settings) Config() *Config { return s.now.Load().config }

// Faults are what is wrong with sections of the file that are off for that: of plugins, channels and accounts. It is not changed.
func (s *Settings) Faults() []*Fault { return s.now.Load().faults }

// Fault is what is wrong with a plugin's section, or that of its channel, or with an account with the section of that, for
// which it is off; empty where nothing is.
func (s *Settings) Fault(plugin, account string) string {
	for _, f := range s.Faults() {
		if f.Plugin() == plugin && f.Account() == account {
			return f.Message
		}
	}
	return ""
}

// tell logs what is wrong with sections of the file and was not before.
func (s *Settings) tell(faults, before []*Fault) {
	for _, f := range faults {
		if news([]*Fault{f}, before) != nil {
			s.log.Error("a section of the config file cannot be used: whom it is about does not run, all else does", "file", s.deps.Path, "error", f)
		}
	}
}

// Text returns the file's text as it is in force, whether the file exists, and the text's Hash.
func (s *Settings) Text() (text []byte, exists bool, hash string) {
	now := s.now.Load()
	return now.document.text, now.exists, Hash(now.document.text)
}

// Check reads a text as the file's would be, without putting it in force. Errors are those of Parse: nothing may be wrong in it.
func (s *Settings) Check(text []byte) (*Config, error) {
	next, err := s.snapshot(text)
	switch {
	case err != nil:
		return nil, err
	case len(next.faults) > 0:
		return nil, wit.Errorf(wit.CodeInvalid, "%w", next.faults[0])
	}
	return next.config, nil
}

// Try makes a change without putting it in force. Errors are those of Edit.
func (s *Settings) Try(change Change) error {
	_, err := edited(s.now.Load().document.text, "", s.origin(), change)
	return err
}

// Document returns the file's text as it is in force, read. It is the caller's own.
func (s *Settings) Document() *Document {
	own := *s.now.Load().document // its nodes are never changed, but replaced
	return &own
}

// Problem is why the file as somebody left it is not in force, and its text; nil where it is.
func (s *Settings) Problem() (text []byte, err error) {
	if p := s.problem.Load(); p != nil {
		return p.text, p.err
	}
	return nil, nil
}

// Edit changes the settings in the file and puts them in force. base is the Hash of the text that the change was made
// for; empty for any. restart names what has changed and is in force only after a restart. Errors are those of
// the function Edit.
func (s *Settings) Edit(_ context.Context, base string, change Change) (restart []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text []byte
	if s.deps.Path != "" {
		_, text, err = Edit(s.deps.Path, base, change)
	} else {
		text, err = edited(s.now.Load().document.text, base, s.origin(), change)
	}
	if err != nil {
		return nil, err
	}
	_, restart, err = s.apply(text)
	return restart, err
}

// apply puts a text in force and tells of it. changed are the paths of what it says otherwise.
func (s *Settings) apply(text []byte) (changed, restart []string, err error) {
	next, err := s.snapshot(text)
	if err != nil {
		return nil, nil, err
	}
	old := s.now.Swap(next)
	s.problem.Store(nil)
	s.tell(next.faults, old.faults)
	paths := differences(old.leaves, next.leaves)
	for _, news := range s.news(slices.Concat(paths, sections(old.faults, next.faults))) {
		ChangedKind.Publish(s.deps.Bus, news)
	}
	return paths, append([]string{}, slices.DeleteFunc(slices.Clone(paths), Live)...), nil
}

// differences are the paths whose values differ, sorted.
func differences(old, next map[string]string) []string {
	paths := map[string]bool{}
	for path, value := range next {
		if was, ok := old[path]; !ok || was != value {
			paths[path] = true
		}
	}
	for path := range old {
		if _, ok := next[path]; !ok {
			paths[path] = true
		}
	}
	delete(paths, "") // an empty file is as good as none
	return slices.Sorted(maps.Keys(paths))
}

// Live reports whether a change of what stands at a path is in force at once.
func Live(path string) bool {
	if path == "gateway.publicUrl" || strings.HasPrefix(path, "gateway.nodes.") {
		return true
	}
	for _, fixed := range []string{"gateway", "pluginPaths", "timeZone", "secrets", "delivery", "log.format", "agent.maxConcurrent", "runtime"} {
		if path == fixed || strings.HasPrefix(path, fixed+".") {
			return false
		}
	}
	return true
}

// news says whose settings changed. Who the owner is concerns every account.
func (s *Settings) news(paths []string) []Changed {
	var list []Changed
	for _, path := range paths {
		parts := strings.Split(path, ".")
		switch {
		case parts[0] == "plugins" && len(parts) > 1:
			list = append(list, Changed{Plugin: parts[1]})
		case parts[0] == "channels" && len(parts) > 3:
			list = append(list, Changed{Plugin: parts[1], Account: parts[3]})
		case parts[0] == "channels" && len(parts) > 1:
			list = append(list, Changed{Plugin: parts[1]})
		case parts[0] == "owners":
			for channel := range s.Config().Channels {
				list = append(list, Changed{Plugin: channel})
			}
		default:
			list = append(list, Changed{})
		}
	}
	slices.SortFunc(list, func(a, b Changed) int { return strings.Compare(a.Plugin+"/"+a.Account, b.Plugin+"/"+b.Account) })
	return slices.Compact(list)
}

// Owners returns the ids of the owner on a channel.
func (s *Settings) Owners(channel string) []string {
	var ids []string
	for _, owner := range s.Config().Owners {
		if id, ok := strings.CutPrefix(owner, channel+":"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Own adds a person of a channel, by the platform's id, to the owner's. Errors are those of Edit.
func (s *Settings) Own(ctx context.Context, channel, person string) error {
	owner := channel + ":" + person
	_, err := s.Edit(ctx, "", func(d *Document) error {
		c, _, err := d.Usable()
		if err != nil || slices.Contains(c.Owners, owner) {
			return err
		}
		patch, err := json.Marshal(map[string][]string{"owners": append(c.Owners, owner)})
		if err != nil {
			return wit.Errorf(wit.CodeInternal, "name the owner: %w", err)
		}
		return d.Merge(patch)
	})
	return err
}

// PluginEnabled reports whether the owner wants the plugin; true where nothing is said.
func (s *Settings) PluginEnabled(id string) bool {
	on := s.Config().Plugins[id].Enabled
	return on == nil || *on
}

// PluginConfig returns the plugin's section, `{}` where nothing is said.
func (s *Settings) PluginConfig(id string) wit.JSON { return orEmpty(s.Config().Plugins[id].Config) }

// AccountConfig returns an account's section, and whether there is such an account.
func (s *Settings) AccountConfig(channel, account string) (wit.JSON, bool) {
	a, ok := s.Account(channel, account)
	return a.Config, ok
}

// Account returns an account's settings, and whether there is such an account.
func (s *Settings) Account(channel, account string) (Account, bool) {
	a, ok := s.Config().Channels[channel].Accounts[account]
	a.Config = orEmpty(a.Config)
	return a, ok
}

// AccountIDs lists a channel's accounts, sorted, the disabled ones too.
func (s *Settings) AccountIDs(channel string) []string {
	return slices.Sorted(maps.Keys(s.Config().Channels[channel].Accounts))
}

func orEmpty(section wit.JSON) wit.JSON {
	if len(section) == 0 || string(section) == "null" {
		return wit.JSON("{}")
	}
	return section
}
