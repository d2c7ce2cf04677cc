package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// rig is a registry with all that it stands on.
type rig struct {
	*plugin.Registry
	t        *testing.T
	db       store.Store
	bus      *event.Bus
	settings *settings
	engine   *textEngine
	events   chan plugin.Changed
	log      *logstest.Buffer
	stop     func()
}

type settings struct {
	mu       sync.Mutex
	off      map[string]bool
	plugins  map[string]string
	accounts map[string]string
	faults   map[string]string
}

func (s *settings) Fault(id, account string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if account != "" {
		id += "/" + account
	}
	return s.faults[id]
}

func (s *settings) PluginEnabled(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.off[id]
}

func (s *settings) PluginConfig(id string) wit.JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wit.JSON(s.plugins[id])
}

func (s *settings) AccountConfig(id, account string) (wit.JSON, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.accounts[id+"/"+account]
	return wit.JSON(c), ok
}

func (s *settings) set(change func(*settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// newRig returns a registry that has not loaded yet.
func newRig(t *testing.T, db store.Store, sources ...source.Source) *rig {
	t.Helper()
	r := &rig{t: t, db: db, bus: new(event.Bus), settings: &settings{off: map[string]bool{}, plugins: map[string]string{}, accounts: map[string]string{}, faults: map[string]string{}},
		engine: &textEngine{reading: make(chan struct{})}, events: make(chan plugin.Changed, 1000), log: &logstest.Buffer{}}
	log := hclog.New(&hclog.LoggerOptions{Output: r.log, Level: hclog.Debug})
	plugin.ChangedKind.Subscribe(r.bus, func(c plugin.Changed) { r.events <- c })
	h := host.New(host.Deps{Store: db, Egress: egress.New(egress.Config{}), Vault: noVault{}, Bus: r.bus, Logger: log})
	var err error
	r.Registry, err = plugin.Open(context.Background(), plugin.Deps{Engine: r.engine, Host: h, Store: db, Settings: r.settings, Bus: r.bus,
		Logger: log, Gateway: "1.4.0", Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start loads and runs the registry until the test ends.
func (r *rig) start() *rig {
	r.t.Helper()
	if err := r.Load(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
	r.stop = func() { cancel(); <-done }
	r.t.Cleanup(func() { r.stop() })
	return r
}

// patience is how long a test waits for what must come. It only bounds a failing test.
const patience = 3 * time.Minute

// wait returns the first event that matches "id version state", where - is anything, skipping others.
func (r *rig) wait(pattern string) plugin.Changed {
	r.t.Helper()
	var seen []string
	timeout := time.After(patience)
	for {
		select {
		case c := <-r.events:
			if matches(strings.Fields(pattern), []string{c.ID, c.Version, string(c.State)}) {
				return c
			}
			seen = append(seen, fmt.Sprintf("%s %s %s %s", c.ID, c.Version, c.State, c.Reason))
		case <-timeout:
			r.t.Fatalf("no event %q; seen %q\n%s", pattern, seen, r.log)
		}
	}
}

func matches(pattern, fields []string) bool {
	for i, p := range pattern {
		if p != "-" && p != fields[i] {
			return false
		}
	}
	return true
}

type noVault struct{}

func (noVault) Get(context.Context, string, string, string) (string, error) {
	return "", wit.NewError(wit.CodeNotFound, "no such credential")
}
func (noVault) Has(string, string, string) bool { return false }
func (noVault) PutAll(context.Context, string, string, map[string]string) error {
	return wit.NewError(wit.CodeUnavailable, "there is no vault")
}

// textEngine runs files of text: each line `name: value`, where exports and imports are lists, broken and
// uncompilable say how it fails, held that it is read once the rig's reading is given something, and answer is what tool_invoke says.
type textEngine struct {
	mu       sync.Mutex
	loads    int
	compiles int
	held     int
	reading  chan struct{}                // what is held waits for it
	warmed   []string                     // the answers of code that was
	cache    map[string]map[string]string // by hash, as the real engine keeps machine code
}

func (e *textEngine) Load(src engine.Source) (engine.Code, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loads++
	e.held++
	return &code{engine: e, src: src}, nil
}

func (e *textEngine) counts() (loads, compiles, held int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loads, e.compiles, e.held
}

type code struct {
	engine *textEngine
	src    engine.Source
}

func (c *code) fields() (map[string]string, error) {
	c.engine.mu.Lock()
	defer c.engine.mu.Unlock()
	if f := c.engine.cache[c.src.Hash]; f != nil {
		return f, nil
	}
	data, err := c.src.Open()
	if err != nil {
		return nil, err
	}
	text, complete := strings.CutSuffix(string(data), "end\n")
	if !complete {
		return nil, wit.NewError(wit.CodeInvalid, "the code is cut off")
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fields[name] = value
	}
	if c.engine.cache == nil {
		c.engine.cache = map[string]map[string]string{}
	}
	c.engine.cache[c.src.Hash] = fields
	return fields, nil
}

func (c *code) Info(context.Context) (engine.Info, error) {
	f, err := c.fields()
	if f["held"] != "" {
		<-c.engine.reading
	}
	return engine.Info{Exports: strings.Fields(f["exports"]), Imports: map[string][]string{"extism:host/user": strings.Fields(f["imports"])}}, err
}

func (c *code) Compile(context.Context) error {
	c.engine.mu.Lock()
	c.engine.compiles++
	c.engine.mu.Unlock()
	f, err := c.fields()
	if err == nil && f["uncompilable"] != "" {
		return wit.NewError(wit.CodeInvalid, "the code does not compile")
	}
	return err
}

func (c *code) Release() {
	c.engine.mu.Lock()
	defer c.engine.mu.Unlock()
	c.engine.held--
}

func (c *code) Start(s engine.Spec) (engine.Caller, error) {
	f, err := c.fields()
	return &caller{code: c, fields: f, spec: s}, err
}

type caller struct {
	code   *code
	fields map[string]string
	spec   engine.Spec
	mu     sync.Mutex
	closed bool
}

func (c *caller) Call(_ context.Context, export string, _ []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.New("called after close")
	}
	return json.Marshal(map[string]any{"content": []any{map[string]string{"kind": "text", "text": c.fields["answer"] + " as " + c.spec.Plugin}}})
}

func (c *caller) Trace(ctx context.Context, export string, in []byte, _ *engine.Trace) ([]byte, error) {
	return c.Call(ctx, export, in)
}

func (c *caller) Stats() engine.Stats { return engine.Stats{} }

func (c *caller) Warm(context.Context) error {
	c.code.engine.mu.Lock()
	defer c.code.engine.mu.Unlock()
	c.code.engine.warmed = append(c.code.engine.warmed, c.fields["answer"])
	return nil
}

func (c *caller) Close(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// manifest returns a good manifest of one tool, changed by edit.
func manifest(id, version string, edit ...func(*wit.Manifest)) wit.Manifest {
	m := wit.Manifest{ID: id, Name: "Test " + id, Version: version, Description: "For tests.", ABI: 1, Entry: "plugin.wasm"}
	for _, e := range edit {
		e(&m)
	}
	if len(m.Provides.Kinds()) == 0 {
		m.Provides.Tools = []wit.ToolDefinition{{Name: id + "_tool", Description: "Says something.", Parameters: wit.JSON(`{"type":"object"}`)}}
	}
	return m
}

type exports = map[string]func(ctx context.Context, in []byte) ([]byte, error)

// saying is a tool that answers a text.
func saying(text string) exports {
	return exports{"tool_invoke": func(context.Context, []byte) ([]byte, error) { return says(text), nil }}
}

func says(text string) []byte {
	return wit.Marshal(&wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}})
}

// invoke calls a tool and returns what it says.
func (r *rig) invoke(name string) (string, error) {
	tool, err := r.Tool(name)
	if err != nil {
		return "", err
	}
	out, err := tool.Invoke(context.Background(), &wit.ToolInvocation{Args: wit.JSON(`{}`)}, nil)
	if err != nil {
		return "", err
	}
	return *out.Content[0].Text, nil
}

func (r *rig) says(name, want string) {
	r.t.Helper()
	if got, err := r.invoke(name); got != want || err != nil {
		r.t.Fatalf("%s says %q (%v), want %q", name, got, err, want)
	}
}

func wantCode(t *testing.T, err error, want wit.Code, texts ...string) {
	t.Helper()
	if got := wit.CodeOf(err); got != want {
		t.Fatalf("code %q (%v), want %q", got, err, want)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}
