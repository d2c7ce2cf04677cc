//go:build extism

package sdk_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	extism "github.com/extism/go-sdk"

	"github.com/carapace-gateway/carapace/wit"
)

// build makes a module of testdata/plugin that needs nothing but Extism.
func build(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	cmd := exec.Command("go", "build", "-tags", "extism", "-buildmode=c-shared", "-o", out, "./testdata/plugin")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	return out
}

// buildRust makes the module of the SDK for Rust that needs nothing but Extism.
func buildRust(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("cargo", "build", "--release", "--offline", "--target", "wasm32-wasip1", "--target-dir", dir)
	cmd.Dir = "../rust/testdata/remember"
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cargo: %v\n%s", err, text)
	}
	return filepath.Join(dir, "wasm32-wasip1", "release", "remember.wasm")
}

// hostFunction answers JSON with JSON, in an envelope.
func hostFunction(name string, answer func(param []byte) any) extism.HostFunction {
	f := extism.NewHostFunctionWithStack(name, func(_ context.Context, p *extism.CurrentPlugin, stack []uint64) {
		param, err := p.ReadBytes(stack[0])
		if err != nil {
			panic(err)
		}
		data, err := json.Marshal(answer(param))
		if err != nil {
			panic(err)
		}
		if stack[0], err = p.WriteBytes(data); err != nil {
			panic(err)
		}
	}, []extism.ValueType{extism.ValueTypePTR}, []extism.ValueType{extism.ValueTypePTR})
	f.SetNamespace("extism:host/user")
	return f
}

func open(t *testing.T, file, name string, log *strings.Builder) *extism.Plugin {
	t.Helper()
	kept := map[string]string{"text": strings.Repeat("déjà vu 🙂 ", 5000), "empty": ""}
	functions := []extism.HostFunction{
		hostFunction("kv_get", func(param []byte) any {
			var key wit.KVKey
			if err := wit.UnmarshalStrict(param, &key); err != nil {
				t.Errorf("kv_get: %v", err)
			}
			if key.Key == "forbidden" {
				return map[string]any{"error": wit.NewError(wit.CodeForbidden, "not yours")}
			}
			value, ok := kept[key.Key]
			if !ok {
				return map[string]any{"ok": nil}
			}
			return map[string]any{"ok": wit.KVValue{Value: &value}}
		}),
		hostFunction("log_write", func(param []byte) any {
			log.Write(param)
			return map[string]any{"ok": nil}
		}),
	}
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmFile{Path: file}}, Config: map[string]string{}}
	if name != "" {
		manifest.Config["carapace:plugin"] = name
	}
	plugin, err := extism.NewPlugin(t.Context(), manifest, extism.PluginConfig{EnableWasi: true}, functions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plugin.Close(context.Background()) })
	return plugin
}

// invoke returns the output's text, or the error.
func invoke(t *testing.T, plugin *extism.Plugin, name string) (wit.ToolOutput, *wit.Error) {
	t.Helper()
	var output wit.ToolOutput
	code, data, err := plugin.Call("tool_invoke", wit.Marshal(&wit.ToolInvocation{Name: name}))
	if code == 0 && err == nil {
		if err := wit.UnmarshalStrict(data, &output); err != nil {
			t.Fatalf("%s answered %s: %v", name, data, err)
		}
		return output, nil
	}
	failure := new(wit.Error)
	if code != 1 || wit.UnmarshalStrict([]byte(err.Error()), failure) != nil {
		t.Fatalf("%s: code %d, %v", name, code, err)
	}
	return output, failure
}

func TestUnderStockExtism(t *testing.T) {
	for language, build := range map[string]func(*testing.T) string{"go": build, "rust": buildRust} {
		t.Run(language, func(t *testing.T) { remember(t, build(t)) })
	}
}

func remember(t *testing.T, file string) {
	var log strings.Builder
	plugin := open(t, file, "remember", &log)
	for range 3 {
		output, failure := invoke(t, plugin, "text")
		if failure != nil || len(output.Content) != 1 || *output.Content[0].Text != strings.Repeat("déjà vu 🙂 ", 5000) {
			t.Fatalf("text: %.200v, %v", output, failure)
		}
	}
	if output, failure := invoke(t, plugin, "empty"); failure != nil || output.Failed || *output.Content[0].Text != "" {
		t.Errorf("empty: %v, %v", output, failure)
	}
	if output, failure := invoke(t, plugin, "nothing"); failure != nil || !output.Failed {
		t.Errorf("nothing: %v, %v", output, failure)
	}
	if _, failure := invoke(t, plugin, "forbidden"); wit.CodeOf(failure) != wit.CodeForbidden {
		t.Errorf("forbidden: %v", failure)
	}
	if !strings.Contains(log.String(), `{"level":"info","message":"remembering text"}`) {
		t.Errorf("the log is %s", log.String())
	}
}

func TestPanicsBecomeErrorsUnderStockExtism(t *testing.T) {
	plugin := open(t, build(t), "misbehave", new(strings.Builder))
	for name, want := range map[string]string{"nil": "nil pointer", "x": "on purpose"} {
		_, failure := invoke(t, plugin, name)
		if wit.CodeOf(failure) != wit.CodeInternal || !strings.Contains(failure.Message, want) {
			t.Errorf("%s: %v, want internal and %q", name, failure, want)
		}
	}
}

func TestWhichPluginOfABundleUnderStockExtism(t *testing.T) {
	file := build(t)
	for name, want := range map[string]wit.Code{"": wit.CodeInvalid, "other": wit.CodeNotFound} {
		_, failure := invoke(t, open(t, file, name, new(strings.Builder)), "text")
		if wit.CodeOf(failure) != want {
			t.Errorf("plugin %q: %v, want %s", name, failure, want)
		}
	}
	_, _, err := open(t, file, "remember", new(strings.Builder)).Call("tool_invoke", []byte(`{"name":`))
	if err == nil || !strings.Contains(err.Error(), "name: the text ends") {
		t.Errorf("bad input: %v", err)
	}
}
