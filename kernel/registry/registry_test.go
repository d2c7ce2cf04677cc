package registry_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/kernel/registry/registrytest"
	"github.com/carapace-gateway/carapace/wit"
)

var then = time.UnixMilli(1_700_000_000_000)

func wants(t *testing.T, what string, err error, code wit.Code, says string) {
	t.Helper()
	if wit.CodeOf(err) != code || err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want %s with %q", what, err, code, says)
	}
}

// TestPublished: what was published is in the index with what its manifest says, the newest version first, and its archive is
// the one that the index pins.
func TestPublished(t *testing.T) {
	signer, r := registrytest.Key(t), registrytest.New(t)
	by := r.By(then, time.Hour)
	for _, version := range []string{"1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "0.5.0"} {
		_, err := r.Publish(t.Context(), by, registrytest.Archive(t, "weather", version, func(m map[string]any) {
			m["name"], m["host"] = "Weather "+version, ">=1"
			m["maturity"], m["support"], m["keywords"] = "beta", "https://a.example/help", []string{"rain"}
			m["changes"] = []any{map[string]any{"version": version, "text": "new in " + version}, map[string]any{"version": "0.9.0", "text": "old"}}
			m["permissions"] = map[string]any{"http": map[string]any{"reason": "to ask", "hosts": []string{"a.example"}}}
		}, signer))
		wants(t, version, err, "", "")
	}
	r.Add("c9-clock", "1.0.0", func(m map[string]any) {
		m["provides"].(map[string]any)["tools"].([]any)[0].(map[string]any)["name"] = "clock"
	})
	x := r.Index()
	if x.Sequence != 6 || len(x.Packages) != 2 || x.Packages[0].ID != "c9-clock" || x.Find("none") != nil {
		t.Fatalf("%+v", x)
	}
	p := x.Find("weather")
	var order []string
	for i := range p.Versions {
		v := &p.Versions[i]
		order = append(order, v.Version)
		data, err := os.ReadFile(filepath.Join(string(r.Folder), v.File))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, v.Version, v.Check("weather", data), "", "")
	}
	if !slices.Equal(order, []string{"2.0.0-rc.1", "1.10.0", "1.9.0", "1.0.0", "0.5.0"}) || p.Name != "Weather 2.0.0-rc.1" {
		t.Errorf("%v, called %s", order, p.Name)
	}
	v := p.Versions[1]
	if v.Host != ">=1" || v.ABI != 1 || !slices.Equal(v.Kinds, []string{"tool"}) || v.Permissions.HTTP.Hosts[0] != "a.example" ||
		len(v.Signers) != 1 || v.Signers[0] != registry.SignerOf(signer) || v.Published != then.UnixMilli() ||
		v.Maturity != "beta" || v.Changelog != "new in 1.10.0" || p.Support != "https://a.example/help" {
		t.Errorf("%+v", v)
	}
	for _, words := range [][]string{nil, {"WEATHER"}, {"says", "tool"}, {"rain"}} {
		if !p.Matches(words) {
			t.Errorf("%v is not found", words)
		}
	}
	if p.Matches([]string{"weather", "channel"}) {
		t.Error("it is a channel")
	}
}

// TestPublishedTwice: the same archive is published once, and another one never in its place.
func TestPublishedTwice(t *testing.T) {
	r := registrytest.New(t)
	r.Add("a", "1.0.0", nil)
	r.Add("a", "1.0.0", nil)
	if x := r.Index(); len(x.Find("a").Versions) != 1 || x.Sequence != 2 {
		t.Errorf("%+v", x)
	}
	_, err := r.Publish(t.Context(), r.By(then, time.Hour), registrytest.Archive(t, "a", "1.0.0", func(m map[string]any) { m["name"] = "Another" }))
	wants(t, "another archive", err, wit.CodeConflict, "a version of its own")
	other := registrytest.Key(t)
	_, err = r.Publish(t.Context(), registry.Publisher{Keys: []ed25519.PrivateKey{other}, Now: then, Life: time.Hour}, registrytest.Archive(t, "b", "1.0.0", nil))
	wants(t, "another key", err, wit.CodeForbidden, fmt.Sprintf("this registry is signed by %s, and the key that you gave is %s, ", registry.SignerOf(r.Key), registry.SignerOf(other)))
	index := filepath.Join(string(r.Folder), registry.IndexFile)
	good, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(index, bytes.Replace(good, []byte(`"1.0.0"`), []byte(`"1.0.1"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, "changed by hand", r.Renew(t.Context(), r.By(then, time.Hour)), wit.CodeForbidden, "was changed after it was signed")
	if err := os.WriteFile(index, good, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = r.Publish(t.Context(), r.By(then, -time.Hour), registrytest.Archive(t, "b", "1.0.0", nil))
	wants(t, "expired already", err, wit.CodeInvalid, "expires")
	wants(t, "withdrawn", r.Withdraw(t.Context(), r.By(then, time.Hour), "a", "3.0.0", "bad"), wit.CodeNotFound, "there are 1.0.0")
	wants(t, "withdrawn", r.Withdraw(t.Context(), r.By(then, time.Hour), "a", "1.0.0", ""), wit.CodeInvalid, "without a reason")
}

// TestTamperedIndex changes each byte of an index in turn, and has it signed by others.
func TestTamperedIndex(t *testing.T) {
	r := registrytest.New(t)
	r.Add("a", "1.0.0", nil)
	data, err := os.ReadFile(filepath.Join(string(r.Folder), registry.IndexFile))
	if err != nil {
		t.Fatal(err)
	}
	key, whole := registry.SignerOf(r.Key), r.Index()
	for n := range data {
		for _, bit := range []byte{1, 0x20} {
			data[n] ^= bit
			if x, err := registry.Decode(data, key); err == nil && !reflect.DeepEqual(x, whole) {
				t.Fatalf("byte %d is another, and the index is believed as %+v", n, x)
			}
			data[n] ^= bit
		}
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "half": data[:len(data)/2], "more": append(slices.Clone(data), data...),
		"no signature": bytes.Replace(data, []byte(`"signatures"`), []byte(`"signature"`), 1),
		"an archive":   registrytest.Archive(t, "a", "1.0.0", nil),
	} {
		if _, err := registry.Decode(bad, key); err == nil {
			t.Errorf("%s is believed", name)
		}
	}
	_, err = registry.Decode(data, registry.SignerOf(registrytest.Key(t)))
	wants(t, "another key", err, wit.CodeForbidden, "not signed by the key that is configured")
	_, err = registry.Decode(make([]byte, registry.MaxIndex+1), key)
	wants(t, "too large", err, wit.CodeTooLarge, "")
}

// TestTwoKeys: an index that two keys have signed is believed by whoever has one of them, so that a key can be replaced.
func TestTwoKeys(t *testing.T) {
	r, next := registrytest.New(t), registrytest.Key(t)
	by := r.By(then, time.Hour)
	by.Keys, by.Name = append(by.Keys, next), "Ours"
	wants(t, "renew", r.Renew(t.Context(), by), "", "")
	by.Name = ""
	wants(t, "renew", r.Renew(t.Context(), by), "", "")
	if _, err := r.Read(registry.SignerOf(next)); err != nil {
		t.Error(err)
	}
	if x := r.Index(); x.Name != "Ours" || x.Sequence != 2 {
		t.Errorf("%+v", x)
	}
}

// TestSucceeds: an index follows one that is older, and itself.
func TestSucceeds(t *testing.T) {
	r := registrytest.New(t)
	r.Add("a", "1.0.0", nil)
	first := r.Index()
	r.Add("a", "1.1.0", nil)
	second := r.Index()
	wants(t, "the next", second.Succeeds(first), "", "")
	wants(t, "the same", second.Succeeds(second), "", "")
	wants(t, "the one before", first.Succeeds(second), wit.CodeForbidden, "is older")
	fork := *second
	fork.Packages = nil
	wants(t, "another of this number", fork.Succeeds(second), wit.CodeForbidden, "has signed two")
	wants(t, "in time", second.Fresh(time.UnixMilli(second.Expires-1)), "", "")
	wants(t, "too late", second.Fresh(time.UnixMilli(second.Expires)), wit.CodeUnavailable, "has expired")
}

// TestWhatNoPublisherWrites: indexes that are signed and cannot be are refused, by who signs them too.
func TestWhatNoPublisherWrites(t *testing.T) {
	good := func() *registry.Index {
		r := registrytest.New(t)
		r.Add("a", "1.0.0", nil)
		r.Add("a", "1.1.0", nil)
		r.Add("b", "1.0.0", nil)
		return r.Index()
	}
	key := registrytest.Key(t)
	if _, err := registry.Encode(good(), key); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(x *registry.Index, a *registry.Package, v *registry.Version){
		"another format":     func(x *registry.Index, _ *registry.Package, _ *registry.Version) { x.Format = 2 },
		"no sequence":        func(x *registry.Index, _ *registry.Package, _ *registry.Version) { x.Sequence = 0 },
		"no end":             func(x *registry.Index, _ *registry.Package, _ *registry.Version) { x.Expires = 0 },
		"not sorted":         func(x *registry.Index, _ *registry.Package, _ *registry.Version) { slices.Reverse(x.Packages) },
		"twice":              func(x *registry.Index, a *registry.Package, _ *registry.Version) { x.Packages[1] = *a },
		"an id that leaves":  func(_ *registry.Index, a *registry.Package, _ *registry.Version) { a.ID = "../a" },
		"no versions":        func(_ *registry.Index, a *registry.Package, _ *registry.Version) { a.Versions = nil },
		"the oldest first":   func(_ *registry.Index, a *registry.Package, _ *registry.Version) { slices.Reverse(a.Versions) },
		"a version twice":    func(_ *registry.Index, a *registry.Package, v *registry.Version) { a.Versions[1] = *v },
		"no version":         func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.Version = "latest" },
		"a file that leaves": func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.File = "../a" },
		"an absolute file":   func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.File = "/etc/passwd" },
		"a file with ?":      func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.File = "a?b" },
		"no digest":          func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.Digest = "sha256:00" },
		"no content":         func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.Content = "" },
		"no size":            func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.Size = 0 },
		"too large":          func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.Size = 1 << 40 },
		"a signer":           func(_ *registry.Index, _ *registry.Package, v *registry.Version) { v.Signers = append(v.Signers, "me") },
		"a long text": func(_ *registry.Index, a *registry.Package, _ *registry.Version) {
			a.Description = strings.Repeat("a", 2000)
		},
		"no reason": func(_ *registry.Index, _ *registry.Package, v *registry.Version) {
			v.Withdrawn = &registry.Withdrawal{}
		},
	} {
		x := good()
		change(x, &x.Packages[0], &x.Packages[0].Versions[0])
		if _, err := registry.Encode(x, key); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOtherBytes: what is not the archive of the index is refused, also where the publisher says something else than is in it.
func TestOtherBytes(t *testing.T) {
	r, signer := registrytest.New(t), registrytest.Key(t)
	v := r.Add("a", "1.0.0", nil, signer)
	data := registrytest.Archive(t, "a", "1.0.0", nil, signer)
	wants(t, "the archive", v.Check("a", data), "", "")
	changed := slices.Clone(data)
	changed[len(changed)/2] ^= 1
	for name, bad := range map[string][]byte{
		"nothing": nil, "changed": changed, "truncated": data[:len(data)-1], "longer": append(slices.Clone(data), 0),
		"unsigned": registrytest.Archive(t, "a", "1.0.0", nil), "another": registrytest.Archive(t, "b", "1.0.0", nil, signer),
	} {
		wants(t, name, v.Check("a", bad), wit.CodeForbidden, "nothing of it was used")
	}
	for name, lie := range map[string]func(v *registry.Version){
		"another version": func(v *registry.Version) { v.Version = "1.0.1" },
		"another signer":  func(v *registry.Version) { v.Signers = append(v.Signers, registry.SignerOf(r.Key)) },
		"other content":   func(v *registry.Version) { v.Content = v.Digest },
		"another kind":    func(v *registry.Version) { v.Kinds = []string{"channel"} },
		"more to ask for": func(v *registry.Version) { v.Permissions.KV = &wit.Permission{Reason: "to count"} },
	} {
		said := v
		lie(&said)
		wants(t, name, said.Check("a", data), wit.CodeForbidden, "")
	}
	wants(t, "another id", v.Check("b", data), wit.CodeForbidden, "is a 1.0.0")
}

func FuzzDecode(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	version := registry.Version{Version: "1.0.0", File: "a/a.carapace", Digest: registry.Digest(nil), Content: registry.Digest(nil), Size: 1}
	good, err := registry.Encode(&registry.Index{Format: 1, Sequence: 1, Time: 1, Expires: 2, Packages: []registry.Package{{ID: "a", Versions: []registry.Version{version}}}}, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add([]byte(`{"format":1,"sequence":1,"time":1,"expires":2,"packages":[]}`), true)
	f.Fuzz(func(t *testing.T, data []byte, sign bool) {
		if sign { // what a publisher's key has signed may be anything too
			data = slices.Concat([]byte(`{"index":`), data, []byte(`,"signatures":[{"signer":"`+string(registry.SignerOf(key))+`","signature":"`), base64Of(ed25519.Sign(key, append([]byte("carapace registry index 1\n"), bytes.TrimSpace(data)...))), []byte(`"}]}`))
		}
		x, err := registry.Decode(data, registry.SignerOf(key))
		if err != nil {
			return
		}
		again, err := registry.Encode(x, key)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if y, err := registry.Decode(again, registry.SignerOf(key)); err != nil || y.Succeeds(x) != nil {
			t.Fatalf("what was written is read as %+v, %v", y, err)
		}
	})
}

// TestPublishersTakeTurns: of what several publish at once nothing is lost, and who gives up waiting has changed nothing.
func TestPublishersTakeTurns(t *testing.T) {
	r, done := registrytest.New(t), make(chan error)
	const publishers = 8
	for n := range publishers {
		data := registrytest.Archive(t, string(rune('a'+n)), "1.0.0", nil)
		go func() {
			_, err := r.Publish(t.Context(), r.By(then, time.Hour), data)
			done <- err
		}()
	}
	for range publishers {
		wants(t, "publish", <-done, "", "")
	}
	if x := r.Index(); len(x.Packages) != publishers || x.Sequence != publishers {
		t.Errorf("%d packages are left in index %d", len(x.Packages), x.Sequence)
	}
	lock, err := file.Lock(t.Context(), filepath.Join(string(r.Folder), ".index.json.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, "renew", r.Renew(ctx, r.By(then, time.Hour)), wit.CodeUnavailable, "cannot be written")
	if x := r.Index(); x.Sequence != publishers {
		t.Errorf("the index has the number %d", x.Sequence)
	}
}
