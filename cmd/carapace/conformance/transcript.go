package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// line is one line of a transcript: a call of an export and what came of it, with what the plugin asked for meanwhile. It is the
// form in which the SDKs' tests replay calls.
type line struct {
	Call   string          `json:"call"`
	Input  json.RawMessage `json:"input"`
	Host   []hostCall      `json:"host,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  *wit.Error      `json:"error,omitempty"`
}

// hostCall is something that was asked for, and its answer.
type hostCall struct {
	Call  string          `json:"call"`
	Param json.RawMessage `json:"param"`
	OK    json.RawMessage `json:"ok,omitempty"`
	Error *wit.Error      `json:"error,omitempty"`
}

// maxTranscript bounds a file.
const maxTranscript = 16 << 20

// files are the transcripts in the plugin's folder.
func (t *tester) files() []string {
	if t.subject.Folder == "" {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(t.subject.Folder, "testdata", "*.jsonl")) // the pattern is good
	return names
}

// readTranscript reads a file.
func readTranscript(name string) (lines []line, err error) {
	if info, err := os.Stat(name); err != nil || info.Size() > maxTranscript {
		return nil, fmt.Errorf("%s cannot be read, or has more than %d bytes", filepath.Base(name), maxTranscript)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	number := 0
	for row := range bytes.Lines(text) {
		if number++; len(bytes.TrimSpace(row)) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(row, &l); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if wit.Export(l.Call) == nil {
			return nil, fmt.Errorf("line %d: call is %q, which is no export of the contract", number, l.Call)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// lines are the calls of an export in all transcripts that can be read.
func (t *tester) lines(export string) (list []line) {
	for _, file := range t.files() {
		lines, _ := readTranscript(file) // transcripts says why not
		for _, l := range lines {
			if l.Call == export {
				list = append(list, l)
			}
		}
	}
	return list
}

// transcripts replays what was recorded.
func (t *tester) transcripts() {
	if t.options.Update && len(t.files()) == 0 {
		t.check("has transcripts", "", Warning, "put such a line into testdata/first.jsonl, and what it answers is written there with --update", "there is none to write anew", t.sample())
	}
	for _, file := range t.files() {
		name := "answers as in testdata/" + filepath.Base(file)
		lines, err := readTranscript(file)
		if err != nil {
			t.check(name, "", Failed, "write a call a line, as docs/plugins.md shows", err.Error())
			continue
		}
		i := t.instance(true)
		var found []string
		var updated bytes.Buffer
		for n, want := range lines {
			got, problem := t.replay(i, want)
			if problem != "" && len(found) < most {
				found = append(found, fmt.Sprintf("line %d, %s: %s", n+1, want.Call, problem))
			}
			writeLine(&updated, got)
		}
		i.close()
		if t.options.Update && len(found) > 0 {
			if err := os.WriteFile(file, updated.Bytes(), 0o644); err == nil {
				t.check(name+", which is written anew", "", Warning, "look through what has changed in it", found...)
				continue
			}
		}
		t.check(name, "", Failed, "correct the plugin, or have the transcript say what it answers now with --update", found...)
	}
}

// sample is a line that a transcript can begin with.
func (t *tester) sample() string {
	var sample bytes.Buffer
	for n := range t.contract.Exports {
		if f := &t.contract.Exports[n]; slices.Contains(t.has, f.Name) && t.manifest.Declares(f.Name) {
			writeLine(&sample, line{Call: f.Name, Input: t.inputs(f, usual)[0].text})
			break
		}
	}
	return strings.TrimSpace(sample.String())
}

// writeLine adds a line to a transcript. Angle brackets stay as they are: no browser reads this.
func writeLine(to *bytes.Buffer, l line) {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	_ = e.Encode(l) // it was read as JSON, and a buffer does not fail
}

// replay makes a call again, and says how it differs from what was recorded.
func (t *tester) replay(i *instance, want line) (got line, problem string) {
	got = line{Call: want.Call, Input: want.Input}
	var differs []string
	rest := slices.Clone(want.Host)
	i.gateway.script = func(_ int, name string, param []byte) ([]byte, error, bool) {
		if len(rest) == 0 || rest[0].Call != name {
			differs = append(differs, "it asks for "+name+" "+clip(string(param), 120)+", which is not in the transcript")
			return nil, wit.NewError(wit.CodeInternal, "not in the transcript"), true
		}
		next := rest[0]
		rest = rest[1:]
		if !sameJSON(next.Param, param) {
			differs = append(differs, "it asks for "+name+" "+clip(string(param), 200)+", and asked for "+clip(string(next.Param), 200))
			next.Param = param
		}
		got.Host = append(got.Host, next)
		if next.Error != nil {
			return nil, next.Error, true
		}
		return next.OK, nil, true
	}
	defer func() { i.gateway.script = nil }()
	f := &t.contract.Exports[slices.IndexFunc(t.contract.Exports, func(f contract.Function) bool { return f.Name == want.Call })]
	out := i.call(want.Call, want.Input, t.deadline(f))
	if out.ended() {
		i.renew()
	}
	got.Output = out.out
	if coded := (*wit.Error)(nil); errors.As(out.err, &coded) {
		got.Output, got.Error = nil, coded
	} else if out.err != nil {
		got.Output, got.Error = nil, wit.AsError(out.err)
	}
	if problem := t.problem(f, out); problem != "" && want.Error == nil {
		differs = append(differs, problem)
	}
	if len(rest) > 0 {
		differs = append(differs, "it does not ask for "+rest[0].Call+" any more")
	}
	if !sameAnswer(got, want) {
		differs = append(differs, "it answers "+clip(shown(got), 300)+", and answered "+clip(shown(want), 300))
	}
	return got, strings.Join(differs, "; ")
}

func sameAnswer(a, b line) bool {
	if a.Error != nil || b.Error != nil {
		return a.Error != nil && b.Error != nil && a.Error.Code == b.Error.Code && a.Error.Message == b.Error.Message
	}
	return len(a.Output) == len(b.Output) && len(a.Output) == 0 || sameJSON(a.Output, b.Output)
}

func shown(l line) string {
	if l.Error != nil {
		return string(l.Error.Code) + ": " + l.Error.Message
	}
	return string(l.Output)
}
