package host_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// world is a Host on fakes.
type world struct {
	host   *host.Host
	store  store.Store
	bus    *event.Bus
	files  media
	vault  vault
	jobs   jobs
	log    bytes.Buffer
	config map[string]string // by account
	dialed []string          // public addresses, where nobody answers
	open   atomic.Int32      // connections to this machine
}

// counted is a connection that is counted as long as it is open.
type counted struct {
	net.Conn
	open *atomic.Int32
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// names is a resolver for which every name is public.
type names struct{}

func (names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
}

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if strings.HasPrefix(addr, "127.") {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w.open.Add(1)
		return &counted{Conn: conn, open: &w.open}, nil
	}
	w.dialed = append(w.dialed, addr)
	return nil, wit.NewError(wit.CodeUnavailable, "nobody answers")
}

type vault map[string]string

func (v vault) Get(_ context.Context, owner, account, name string) (string, error) {
	if s, ok := v[owner+"/"+account+"/"+name]; ok {
		return s, nil
	}
	return "", wit.NewError(wit.CodeNotFound, "no such credential")
}

func (v vault) Has(owner, account, name string) bool {
	_, ok := v[owner+"/"+account+"/"+name]
	return ok
}

func (v vault) PutAll(_ context.Context, owner, account string, values map[string]string) error {
	for name, value := range values {
		v[owner+"/"+account+"/"+name] = value
	}
	return nil
}

type jobs map[string]*wit.ScheduledJob

func (j jobs) Set(_ context.Context, plugin string, job *wit.ScheduledJob) (int64, error) {
	j[plugin+"/"+job.ID] = job
	return 42, nil
}

func (j jobs) Cancel(_ context.Context, plugin, id string) error {
	delete(j, plugin+"/"+id)
	return nil
}

func (j jobs) Jobs(_ context.Context, plugin string) ([]string, error) {
	var ids []string
	for key := range j {
		if id, ours := strings.CutPrefix(key, plugin+"/"); ours {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (j jobs) Forget(_ context.Context, plugin string) error {
	for key := range j {
		if strings.HasPrefix(key, plugin+"/") {
			delete(j, key)
		}
	}
	return nil
}

type media struct{ kept map[string]string }

func (m media) Store(_ context.Context, like wit.MediaInfo, body io.Reader) (string, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	if len(data) == 0 {
		return "", wit.NewError(wit.CodeInvalid, "the file is empty")
	}
	m.kept[*like.Name+" "+like.Mime] = string(data)
	return "kept", nil
}

// link gives no address for longer than a day, as a gateway that does not know its own would for any.
func link(id string, within time.Duration) (string, error) {
	if within > 24*time.Hour {
		return "", wit.NewError(wit.CodeForbidden, "gateway.publicUrl is not set")
	}
	return "https://gateway.example/media/" + id + "?for=" + within.String(), nil
}

func (media) Stat(_ context.Context, id string) (wit.MediaInfo, error) {
	if id != "m1" {
		return wit.MediaInfo{}, wit.Errorf(wit.CodeNotFound, "no file %s", id)
	}
	return wit.MediaInfo{Mime: "image/png", Size: 4}, nil
}

// file is longer than one that is written at once.
var file = strings.Repeat("0123456789", 10_000)

func (m media) Open(ctx context.Context, id string) (io.ReadCloser, wit.MediaInfo, error) {
	info, err := m.Stat(ctx, id)
	return io.NopCloser(strings.NewReader(file + "\n")), info, err
}

func newWorld() *world {
	w := &world{bus: new(event.Bus), store: store.OpenMemory(), vault: vault{}, jobs: jobs{}, config: map[string]string{}, files: media{map[string]string{}}}
	w.host = host.New(host.Deps{Store: w.store, Egress: egress.New(egress.Config{Resolver: names{}, Dial: w.dial}), Vault: w.vault, Schedule: w.jobs, Media: w.files, Link: link,
		Bus: w.bus, Logger: hclog.New(&hclog.LoggerOptions{Output: &w.log, Level: hclog.Debug}),
		Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") }})
	return w
}

func everything() wit.Permissions {
	p := &wit.Permission{Reason: "r"}
	return wit.Permissions{KV: p, Schedule: p, Emit: p, Media: p, HTTP: &wit.HTTPPermission{Reason: "r", Hosts: []string{"config:url"}},
		Credential: &wit.CredentialPermission{Reason: "r", Names: []string{"tok"}}}
}

func (w *world) guest(id string, p wit.Permissions) *host.Guest {
	config := func(account string) (wit.JSON, error) {
		text, ok := w.config[account]
		if !ok && account != "" {
			return nil, wit.Errorf(wit.CodeNotFound, "no account %s", account)
		}
		return wit.JSON(text), nil
	}
	return w.host.Guest(host.Plugin{ID: id, Permissions: p, Config: config, Filled: config})
}

// ask calls a function as a guest would.
func ask(g *host.Guest, call host.Call, name, in string) (string, error) {
	out, err := g.Functions()[name](host.WithCall(context.Background(), call), []byte(in))
	return string(out), err
}

func TestEveryImportIsThere(t *testing.T) {
	functions := newWorld().guest("p", wit.Permissions{}).Functions()
	for _, f := range wit.Imports() {
		if functions[f.Name] == nil {
			t.Errorf("%s is missing", f.Name)
		}
	}
	if len(functions) != len(wit.Imports()) {
		t.Errorf("%d functions, %d imports in the contract", len(functions), len(wit.Imports()))
	}
}

func TestPermissions(t *testing.T) {
	g := newWorld().guest("p", wit.Permissions{})
	for _, f := range wit.Imports() {
		permission, _ := wit.PermissionOf(f.Name)
		_, err := ask(g, host.Call{}, f.Name, "{}")
		if want := permission != ""; (wit.CodeOf(err) == wit.CodeForbidden) != want || want && !strings.Contains(err.Error(), permission) {
			t.Errorf("%s without permissions: %v", f.Name, err)
		}
	}
}

func TestFunctions(t *testing.T) {
	w := newWorld()
	w.config[""], w.config["acc"] = `{"a":1}`, `{"a":2}`
	w.vault["p/acc/tok"] = "x"
	g := w.guest("p", everything())
	big := strings.Repeat("x", 64<<10+1)
	tests := []struct {
		name, in, out string
		want          wit.Code
	}{
		{"log_write", `{"level":"warn","message":"hm"}`, "", ""},
		{"config_get", `{}`, `{"value":{"a":1}}`, ""},
		{"config_get", `{"account":"acc"}`, `{"value":{"a":2}}`, ""},
		{"config_get", `{"account":"other"}`, "", wit.CodeNotFound},
		{"config_get", `nonsense`, "", wit.CodeInvalid},
		{"log_write", `nonsense`, "", wit.CodeInvalid},
		{"kv_get", `{"key":"a"}`, `{}`, ""},
		{"kv_put", `{"key":"a","value":"1"}`, `{"ok":true}`, ""},
		{"kv_put", `{"key":"b","value":""}`, `{"ok":true}`, ""},
		{"kv_get", `{"key":"a"}`, `{"value":"1"}`, ""},
		{"kv_keys", `{"prefix":""}`, `{"keys":["a","b"]}`, ""},
		{"kv_keys", `{"prefix":"","limit":1}`, `{"keys":["a"]}`, ""},
		{"kv_delete", `{"key":"a"}`, `{"ok":true}`, ""},
		{"kv_delete", `{"key":"a"}`, `{"ok":true}`, ""},
		{"kv_keys", `{"prefix":"a"}`, `{}`, ""},
		{"kv_put", `{"key":"","value":"1"}`, "", wit.CodeInvalid},
		{"kv_put", `{"key":"` + big[:257] + `","value":"1"}`, "", wit.CodeInvalid},
		{"kv_put", `{"key":"c","value":"` + big + `"}`, "", wit.CodeTooLarge},
		{"kv_put", `{"key":"c","value":"1","ttl":-1}`, "", wit.CodeInvalid},
		{"credential_has", `{"name":"tok"}`, `{}`, ""},
		{"credential_has", `{"name":"tok","account":"acc"}`, `{"present":true}`, ""},
		{"credential_has", `{"name":"other"}`, "", wit.CodeForbidden},
		{"schedule_set", `{"id":"j","every":1000}`, `{"next":42}`, ""},
		{"schedule_set", `{"id":"j","every":1000,"cron":"* * * * *"}`, "", wit.CodeInvalid},
		{"schedule_set", `{"id":"j"}`, "", wit.CodeInvalid},
		{"schedule_set", `{"every":1000}`, "", wit.CodeInvalid},
		{"schedule_set", `{"id":"j","every":999}`, "", wit.CodeInvalid},
		{"schedule_set", `{"id":"j","at":1,"payload":"` + big + `"}`, "", wit.CodeTooLarge},
		{"schedule_cancel", `{"id":"j"}`, `{}`, ""},
		{"emit_publish", `{"name":"thing.happened","payload":{"a":1}}`, `{"ok":true}`, ""},
		{"emit_publish", `{"name":"Bad Name"}`, "", wit.CodeInvalid},
		{"emit_publish", `{"name":"a","payload":"` + big + `"}`, "", wit.CodeTooLarge},
		{"progress_report", `{"text":"half of it"}`, "", wit.CodeForbidden},
		{"progress_report", `{}`, "", wit.CodeInvalid},
		{"media_stat", `{"media":"m1"}`, `{"media":"m1","mime":"image/png","size":4}`, ""},
		{"media_stat", `{"media":"m2"}`, "", wit.CodeNotFound},
		{"media_link", `{"media":"m1"}`, `{"url":"https://gateway.example/media/m1?for=24h0m0s"}`, ""},
		{"media_link", `{"media":"m1","within":60000}`, `{"url":"https://gateway.example/media/m1?for=1m0s"}`, ""},
		{"media_link", `{"media":"m1","within":90000000}`, "", wit.CodeForbidden},
		{"media_link", `{"media":"m2"}`, "", wit.CodeNotFound},
		{"http_request", `{"url":"https://elsewhere.example/"}`, "", wit.CodeForbidden},
	}
	for _, tt := range tests {
		out, err := ask(g, host.Call{}, tt.name, tt.in)
		if got := wit.CodeOf(err); got != tt.want || out != tt.out {
			t.Errorf("%s %.80s: %s %q (%v), want %s %q", tt.name, tt.in, out, got, err, tt.out, tt.want)
		}
	}
	if !strings.Contains(w.log.String(), "[WARN]  plugin.p: hm") {
		t.Errorf("log: %s", w.log.String())
	}
}
