//go:build !wasip1

package sdktest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// Line is one line of a transcript: a call of an export and what came of it. Host holds the calls that
// the plugin made meanwhile, in order.
type Line struct {
	Call   string          `json:"call"`
	Input  json.RawMessage `json:"input"`
	Host   []HostCall      `json:"host,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  *wit.Error      `json:"error,omitempty"`
}

// HostCall is a call of a host function and its answer.
type HostCall struct {
	Call  string          `json:"call"`
	Param json.RawMessage `json:"param"`
	OK    json.RawMessage `json:"ok,omitempty"`
	Error *wit.Error      `json:"error,omitempty"`
}

// updateVariable, set to 1, makes Replay write the outputs that it gets instead of comparing them.
const updateVariable = "CARAPACE_UPDATE"

// Replay runs every transcript that matches pattern, such as testdata/*.jsonl, against plugin, which is
// a Channel, Provider, Tool, Hook or Handler, and compares as JSON, so order and spacing of fields are
// free. Log lines need not be in a transcript. With CARAPACE_UPDATE=1 in the environment the
// transcripts get the new outputs instead, to be looked through before they are committed.
func Replay(t *testing.T, plugin any, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcript matches %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) { replayFile(t, plugin, file) })
	}
}

func replayFile(t *testing.T, plugin any, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var updated bytes.Buffer
	number := 0
	for text := range bytes.Lines(data) {
		if number++; len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var want Line
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("line %d: %v", number, err)
		}
		got := run(t, plugin, want)
		if !same(got.Output, want.Output) || !reflect.DeepEqual(got.Error, want.Error) {
			reportDifference(t, number, got, want)
		}
		line, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("line %d: %v", number, err)
		}
		updated.Write(append(line, '\n'))
	}
	if os.Getenv(updateVariable) == "1" {
		if err := os.WriteFile(file, updated.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func reportDifference(t *testing.T, number int, got, want Line) {
	if os.Getenv(updateVariable) == "1" {
		return
	}
	t.Errorf("line %d, %s %s\n got  %s %v\n want %s %v", number, want.Call, want.Input, got.Output, got.Error, want.Output, want.Error)
}

func run(t *testing.T, plugin any, want Line) Line {
	got := Line{Call: want.Call, Input: want.Input, Host: want.Host}
	rest := want.Host
	host := sdk.NewHost(func(name string, param []byte) ([]byte, error) {
		if name == "log_write" {
			return []byte("{}"), nil
		}
		if len(rest) == 0 || rest[0].Call != name || !same(rest[0].Param, param) {
			t.Errorf("%s: the transcript does not expect %s %s", want.Call, name, param)
			return nil, wit.NewError(wit.CodeInternal, "not in the transcript")
		}
		next := rest[0]
		rest = rest[1:]
		if next.Error != nil {
			return nil, next.Error
		}
		return next.OK, nil
	})
	output, err := Call(host, plugin, want.Call, want.Input)
	if len(rest) > 0 {
		t.Errorf("%s: %d expected host calls were not made, the first is %s", want.Call, len(rest), rest[0].Call)
	}
	got.Output, got.Error = output, wit.AsError(err)
	return got
}

func same(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}
