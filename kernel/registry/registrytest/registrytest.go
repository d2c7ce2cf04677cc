// Package registrytest makes registries for tests: archives of plugins, keys, and folders with an index.
package registrytest

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/registry"
)

// Key makes a key.
func Key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Archive makes the archive of a tool in JavaScript that answers with its version. change may be nil; signers sign it.
func Archive(t testing.TB, id, version string, change func(manifest map[string]any), signers ...ed25519.PrivateKey) []byte {
	t.Helper()
	manifest := map[string]any{
		"id": id, "name": id, "version": version, "description": "Says which version it is.", "abi": 1, "entry": "plugin.js",
		"provides": map[string]any{"tools": []any{map[string]any{
			"name": id, "description": "Says it.", "effects": []string{"reads"}, "parameters": map[string]any{"type": "object"}}}},
	}
	if change != nil {
		change(manifest)
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	code := `export function toolInvoke() { return {content: [{kind: "text", text: "` + version + `"}]}; }`
	data, err := archive.Pack(map[string][]byte{archive.ManifestFile: text, "plugin.js": []byte(code)})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range signers {
		packed, err := archive.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = archive.Sign(packed, key); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// Registry is a registry in a folder.
type Registry struct {
	registry.Folder
	Key ed25519.PrivateKey
	t   testing.TB
}

// New makes an empty registry, which has no index yet.
func New(t testing.TB) *Registry {
	return &Registry{Folder: registry.Folder(t.TempDir()), Key: Key(t), t: t}
}

// By is who publishes at a moment, for a time.
func (r *Registry) By(now time.Time, life time.Duration) registry.Publisher {
	return registry.Publisher{Keys: []ed25519.PrivateKey{r.Key}, Now: now, Life: life}
}

// Add publishes a version of a plugin now and returns what the index says of it.
func (r *Registry) Add(id, version string, change func(manifest map[string]any), signers ...ed25519.PrivateKey) registry.Version {
	r.t.Helper()
	p, err := r.Publish(r.t.Context(), r.By(time.Now(), time.Hour), Archive(r.t, id, version, change, signers...))
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Versions[0]
}

// Remove withdraws a version now.
func (r *Registry) Remove(id, version, reason string) {
	r.t.Helper()
	if err := r.Withdraw(r.t.Context(), r.By(time.Now(), time.Hour), id, version, reason); err != nil {
		r.t.Fatal(err)
	}
}

// Index returns the registry's index.
func (r *Registry) Index() *registry.Index {
	r.t.Helper()
	x, err := r.Read(registry.SignerOf(r.Key))
	if err != nil {
		r.t.Fatal(err)
	}
	return x
}
