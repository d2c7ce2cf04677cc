package kernel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTranscripts replays every built-in's transcripts on its real code. The same files pass on the
// native twins in the plugins' own tests, so both answer alike.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	engine, err := runtime.New(t.Context(), runtime.Config{CacheDir: kerneltest.CacheDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close(context.Background()) })
	files, err := filepath.Glob("../builtin-plugins/*/testdata/*.jsonl")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d transcripts: %v", len(files), err)
	}
	for _, file := range files {
		folder := filepath.Dir(filepath.Dir(file))
		id, module := filepath.Base(folder), bundleOf(t, engine, folder)
		t.Run(id+"/"+filepath.Base(file), func(t *testing.T) {
			script := &script{}
			pool := module.Pool(runtime.Spec{Plugin: id, Mode: runtime.Warm, Functions: script.functions(), Limits: runtime.Limits{Deadline: kerneltest.Patience}})
			defer func() { _ = pool.Close(context.Background()) }()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for text := range bytes.Lines(b) {
				if n++; len(bytes.TrimSpace(text)) > 0 {
					script.play(t, pool, n, text)
				}
			}
		})
	}
}

// bundleOf loads the code of a plugin.
func bundleOf(t *testing.T, engine *runtime.Engine, folder string) *runtime.Module {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(text, &m); err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(m.Entry, "#")
	code := kerneltest.Bundle(t, name)
	sum := sha256.Sum256(code)
	module := engine.Load(runtime.Source{Name: name, Hash: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return code, nil }})
	t.Cleanup(module.Release)
	return module
}

// script answers a plugin's questions from a transcript.
type script struct {
	rest  []sdktest.HostCall
	wrong []string
}

func (s *script) functions() map[string]runtime.HostFunc {
	all := map[string]runtime.HostFunc{}
	for _, f := range wit.Imports() {
		all[f.Name] = func(_ context.Context, in []byte) ([]byte, error) {
			if f.Name == "log_write" {
				return nil, nil
			}
			if len(s.rest) == 0 || s.rest[0].Call != f.Name || !sameJSON(s.rest[0].Param, in) {
				s.wrong = append(s.wrong, f.Name+" "+string(in))
				return nil, wit.NewError(wit.CodeInternal, "not in the transcript")
			}
			next := s.rest[0]
			s.rest = s.rest[1:]
			if next.Error != nil {
				return nil, next.Error
			}
			return next.OK, nil
		}
	}
	return all
}

func (s *script) play(t *testing.T, pool *runtime.Pool, n int, text []byte) {
	t.Helper()
	var want sdktest.Line
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("line %d: %v", n, err)
	}
	s.rest, s.wrong = want.Host, nil
	got, err := pool.Call(t.Context(), want.Call, want.Input)
	if len(s.rest)+len(s.wrong) > 0 {
		t.Errorf("line %d: not asked: %v; asked beyond: %s", n, s.rest, strings.Join(s.wrong, ", "))
	}
	if want.Error != nil {
		if e := wit.AsError(err); err == nil || e.Code != want.Error.Code || e.Message != want.Error.Message {
			t.Errorf("line %d: error %v, want %v", n, err, want.Error)
		}
		return
	}
	if err != nil || !sameJSON(got, want.Output) {
		t.Errorf("line %d, %s %s\n got  %s %v\n want %s", n, want.Call, want.Input, got, err, want.Output)
	}
}

// sameJSON compares values; nothing is the same as nothing.
func sameJSON(a, b []byte) bool {
	var x, y any
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
