package builtin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance/conformancetest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestDefaultsSayWhatTheCodeDoes: a plugin does the same whether the gateway has put the defaults of its manifest into its
// configuration or not, in each call of its transcripts.
func TestDefaultsSayWhatTheCodeDoes(t *testing.T) {
	run := conformancetest.Engine(t)
	for id, text := range manifests(t) {
		t.Run(id, func(t *testing.T) {
			if folder := filled(t, id, text); folder != "" {
				conformancetest.Check(t, run, conformance.Subject{
					Manifest: text, Folder: folder, Code: func(bundle string) ([]byte, error) { return kerneltest.Bundle(t, bundle), nil },
				}, "answers as in testdata/")
			}
		})
	}
}

// filled is a folder with the transcripts of a plugin whose calls have the defaults in their configurations, "" where there is
// no default or no such call.
func filled(t *testing.T, id string, text []byte) string {
	t.Helper()
	var m wit.Manifest
	if err := wit.UnmarshalStrict(text, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Config) == 0 {
		return ""
	}
	schema, err := manifest.NewSchema(m.Config)
	if err != nil {
		t.Fatal(err)
	}
	folder, calls := t.TempDir(), 0
	if err := os.Mkdir(filepath.Join(folder, "testdata"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(id, "testdata", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		for line := range bytes.Lines(text) {
			line, changed := withDefaults(t, schema, line)
			out = append(append(out, bytes.TrimSpace(line)...), '\n')
			if changed {
				calls++
			}
		}
		if err := os.WriteFile(filepath.Join(folder, "testdata", filepath.Base(file)), out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if calls == 0 {
		return ""
	}
	return folder
}

// withDefaults is a line of a transcript with the defaults in its call's configuration, where that is one that the schema
// accepts, and whether it is another line than before.
func withDefaults(t *testing.T, schema *manifest.Schema, line []byte) ([]byte, bool) {
	t.Helper()
	var call, input map[string]json.RawMessage
	if json.Unmarshal(line, &call) != nil || json.Unmarshal(call["input"], &input) != nil {
		return line, false
	}
	config := wit.JSON(input["config"])
	after := schema.Fill(config)
	if schema.Check(context.Background(), config) != nil || bytes.Equal(after, config) {
		return line, false
	}
	var err error
	input["config"] = json.RawMessage(after)
	if call["input"], err = json.Marshal(input); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	return text, true
}

// TestADefaultIsReached: an address that a plugin gets by default is one that it may reach, although the owner did not give it.
// A field that must not be left out has no default, which nobody would get: it has examples.
func TestADefaultIsReached(t *testing.T) {
	found := 0
	for id, text := range manifests(t) {
		var m wit.Manifest
		if err := wit.UnmarshalStrict(text, &m); err != nil {
			t.Fatal(err)
		}
		var schema struct {
			Properties map[string]struct{ Default any }
			Required   []string
		}
		if len(m.Config) == 0 {
			continue
		}
		if err := json.Unmarshal(m.Config, &schema); err != nil {
			t.Fatal(err)
		}
		for _, field := range schema.Required {
			if schema.Properties[field].Default != nil {
				t.Errorf("%s: %s is required and has a default", id, field)
			}
		}
		if m.Permissions.HTTP == nil {
			continue
		}
		for _, host := range m.Permissions.HTTP.Hosts {
			field, ours := strings.CutPrefix(host, "config:")
			address, _ := schema.Properties[field].Default.(string)
			if !ours || address == "" {
				continue
			}
			found++
			if u, err := url.Parse(address); err != nil || !slices.Contains(m.Permissions.HTTP.Hosts, u.Host) {
				t.Errorf("%s: the default %s of %s is not among its hosts %q", id, address, field, m.Permissions.HTTP.Hosts)
			}
		}
	}
	if found == 0 {
		t.Error("there are none")
	}
}
