//go:build extism

package builtin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	extism "github.com/extism/go-sdk"
	"github.com/tetratelabs/wazero"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTranscriptsUnderStockExtism replays every plugin's transcripts against its bundle, built for a
// plain Extism host: what the code answers as WebAssembly is what it answers in its own tests.
func TestTranscriptsUnderStockExtism(t *testing.T) {
	compiled, err := wazero.NewCompilationCacheWithDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = compiled.Close(context.Background()) }()
	code := map[string][]byte{}
	for _, bundle := range bundles(t) {
		code[bundle] = extismBundle(t, strings.TrimSuffix(bundle, ".wasm"))
	}
	for id, text := range manifests(t) {
		var m wit.Manifest
		if err := wit.UnmarshalStrict(text, &m); err != nil {
			t.Fatal(err)
		}
		bundle, _, _ := strings.Cut(m.Entry, "#")
		files, err := filepath.Glob(filepath.Join(id, "testdata", "*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			continue // its tests are of another form
		}
		t.Run(id, func(t *testing.T) {
			host := &scripted{t: t, compiled: compiled}
			plugin := host.open(code[bundle], id)
			for _, file := range files {
				host.replay(plugin, file)
			}
		})
	}
}

// extismBundle builds a bundle for a plain Extism host.
func extismBundle(t *testing.T, name string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".wasm")
	cmd := exec.Command("go", "build", "-tags", "extism", "-buildmode=c-shared", "-o", file, "./bundle/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// scripted answers a plugin's host calls from the line of a transcript.
type scripted struct {
	t        *testing.T
	compiled wazero.CompilationCache // of the bundles, in which many plugins are
	rest     []sdktest.HostCall
}

func (s *scripted) open(code []byte, id string) *extism.Plugin {
	s.t.Helper()
	var functions []extism.HostFunction
	for _, f := range wit.Imports() {
		functions = append(functions, s.function(f.Name))
	}
	manifest := extism.Manifest{
		Wasm:   []extism.Wasm{extism.WasmData{Data: code}},
		Config: map[string]string{"carapace:plugin": id},
	}
	config := extism.PluginConfig{EnableWasi: true, RuntimeConfig: wazero.NewRuntimeConfig().WithCompilationCache(s.compiled)}
	plugin, err := extism.NewPlugin(s.t.Context(), manifest, config, functions)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = plugin.Close(context.Background()) })
	return plugin
}

func (s *scripted) function(name string) extism.HostFunction {
	f := extism.NewHostFunctionWithStack(name, func(_ context.Context, p *extism.CurrentPlugin, stack []uint64) {
		param, err := p.ReadBytes(stack[0])
		if err != nil {
			panic(err)
		}
		if stack[0], err = p.WriteBytes(s.answer(name, param)); err != nil {
			panic(err)
		}
	}, []extism.ValueType{extism.ValueTypePTR}, []extism.ValueType{extism.ValueTypePTR})
	f.SetNamespace("extism:host/user")
	return f
}

func (s *scripted) answer(name string, param []byte) []byte {
	if name == "log_write" {
		return []byte(`{"ok":null}`)
	}
	if len(s.rest) == 0 || s.rest[0].Call != name || !equal(s.t, s.rest[0].Param, param) {
		s.t.Errorf("the transcript does not expect %s %s", name, param)
		return []byte(`{"error":{"code":"internal","message":"not in the transcript"}}`)
	}
	next := s.rest[0]
	s.rest = s.rest[1:]
	envelope := map[string]any{"ok": next.OK}
	if next.Error != nil {
		envelope = map[string]any{"error": next.Error}
	}
	data, err := json.Marshal(envelope)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s *scripted) replay(plugin *extism.Plugin, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	for text := range bytes.Lines(data) {
		var want sdktest.Line
		if err := json.Unmarshal(text, &want); err != nil {
			s.t.Fatalf("%s: %v", file, err)
		}
		s.rest = want.Host
		code, output, err := plugin.Call(want.Call, want.Input)
		if want.Error != nil {
			got := new(wit.Error)
			if code != 1 || err == nil || wit.Unmarshal([]byte(err.Error()), got) != nil || !reflect.DeepEqual(got, want.Error) {
				s.t.Errorf("%s: %s %s: code %d, %v, want %v", file, want.Call, want.Input, code, err, want.Error)
			}
			continue
		}
		if code != 0 || err != nil || !equal(s.t, output, want.Output) {
			s.t.Errorf("%s: %s %s:\n got  %s (%v)\n want %s", file, want.Call, want.Input, output, err, want.Output)
		}
	}
}

func equal(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return false
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}
