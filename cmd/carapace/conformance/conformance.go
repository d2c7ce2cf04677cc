// Package conformance tests a plugin against the contract, offline: its manifest, what its code exports, and each of its functions
// with inputs that are made of the contract's facts, of its own schemas and of its transcripts.
//
// The code runs on the gateway's own engine, within the limits of its manifest. What it asks the gateway for is answered from
// memory (host.go), also with errors. What a function answers is read and checked as the gateway reads it. Nothing outside of
// the process is reached.
package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// Subject is a plugin to test.
type Subject struct {
	// Manifest is the text of plugin.json.
	Manifest []byte
	// Code reads the file that the manifest's entry names.
	Code func(file string) ([]byte, error)
	// Folder is where the plugin's files are, for its transcripts in testdata; empty where there are none.
	Folder string
}

// Options say how it is tested.
type Options struct {
	Engine engine.Engine
	// Gateway is the version of the gateway, for the manifest's range.
	Gateway string
	// Update writes the answers of this run into the transcripts, to be looked through.
	Update bool
}

// Report is what came of it.
type Report struct {
	Plugin  string  `json:"plugin"`
	Version string  `json:"version"`
	Checks  []Check `json:"checks"`
	// Calls is how many there were; Peak is the most that one of them used.
	Calls int  `json:"calls"`
	Peak  Peak `json:"peak"`
}

// Peak is the most of each that a call has used.
type Peak struct {
	// Took is in microseconds and without the host's functions, Fuel are 65,536 steps each, Memory is in bytes.
	Took   int64 `json:"tookUs"`
	Fuel   int64 `json:"fuel"`
	Memory int64 `json:"memory"`
}

// State is how a check went.
type State string

// A warning is what the gateway puts up with.
const (
	Passed  State = "passed"
	Warning State = "warning"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Check is one thing that was looked at.
type Check struct {
	// Name says what, in plain words; Subject is the export that it is about, if it is about one.
	Name    string `json:"name"`
	Subject string `json:"subject,omitempty"`
	State   State  `json:"state"`
	// Found is what was seen, and Do what to do about it.
	Found []string `json:"found,omitempty"`
	Do    string   `json:"do,omitempty"`
}

// Failures is how many checks failed.
func (r *Report) Failures() (n int) {
	for _, c := range r.Checks {
		if c.State == Failed {
			n++
		}
	}
	return n
}

// Run tests a plugin. What is wrong with it is in the report; the error is about the test itself.
func Run(ctx context.Context, o Options, s Subject) (*Report, error) {
	t := &tester{ctx: ctx, options: o, subject: s, contract: contract.Read()}
	if !t.open() {
		return &t.report, ctx.Err()
	}
	defer t.code.Release()
	if t.starts() {
		t.states()
		for _, f := range t.exports() {
			t.export(f)
		}
		t.transcripts()
		t.limits()
	}
	return &t.report, ctx.Err()
}

// tester tests one plugin.
type tester struct {
	ctx      context.Context
	options  Options
	subject  Subject
	contract *contract.Contract
	manifest *wit.Manifest
	samples  samples
	code     engine.Code
	has      []string // exports
	late     int      // calls of the export that is tested that did not end in time
	report   Report
}

// check adds what came of a check. found is what is wrong; none is that nothing is.
func (t *tester) check(name, subject string, state State, do string, found ...string) {
	if len(found) == 0 {
		state, do = Passed, ""
	}
	t.report.Checks = append(t.report.Checks, Check{Name: name, Subject: subject, State: state, Found: found, Do: do})
}

// open reads the manifest and the code, and compares them.
func (t *tester) open() bool {
	m, err := manifest.Decode(t.subject.Manifest, t.options.Gateway)
	if err != nil {
		t.check("the manifest is valid", "", Failed, "correct plugin.json: each problem is named by its path", err.Error())
		return false
	}
	t.manifest, t.report.Plugin, t.report.Version = m, m.ID, m.Version
	t.check("the manifest is valid", "", Failed, "")
	t.samples = newSamples(t.contract, m)
	info, err := t.load()
	if err != nil {
		t.check("the code can be read", "", Failed, t.unreadable(err), err.Error())
		return false
	}
	t.has = info.Exports
	if err := manifest.Verify(m, info.Imports, info.Exports); err != nil {
		t.check("the code is what the manifest says", "", Failed, "export what the manifest provides, and take out of either what the other one lacks", err.Error())
		t.code.Release()
		return false
	}
	t.check("the code is what the manifest says", "", Failed, "")
	return true
}

// hung says that an export does not end, as two of its calls have shown: each more would take as long as the manifest allows.
func (t *tester) hung() bool { return t.late >= 2 }

// unreadable says what to do about code that cannot be read.
func (t *tester) unreadable(err error) string {
	file, _ := manifest.Entry(t.manifest)
	switch {
	case wit.CodeOf(err) == wit.CodeUnavailable:
		return "do what it says, and test again"
	case wit.CodeOf(err) == wit.CodeInvalid && script.IsEntry(file):
		return "correct it there"
	}
	return "build it, and look at entry in plugin.json"
}

func (t *tester) load() (engine.Info, error) {
	file, _ := manifest.Entry(t.manifest)
	code, err := t.subject.Code(file)
	if err != nil {
		return engine.Info{}, err
	}
	sum := sha256.Sum256(code)
	t.code, err = t.options.Engine.Load(engine.Source{Name: file, Hash: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return code, nil }})
	if err != nil {
		return engine.Info{}, err
	}
	info, err := t.code.Info(t.ctx)
	if err != nil {
		t.code.Release()
	}
	return info, err
}

// starts compiles the code and makes an instance.
func (t *tester) starts() bool {
	const name = "an instance starts"
	if err := t.code.Compile(t.ctx); err != nil {
		t.check(name, "", Failed, "build a module that the gateway can compile", err.Error())
		return false
	}
	i := t.instance(false)
	defer i.close()
	if out := i.call("", nil, time.Minute); out.err != nil && wit.CodeOf(out.err) != wit.CodeNotFound {
		t.check(name, "", Failed, "look at what runs before the first call: init functions and top-level code", out.err.Error())
		return false
	}
	t.check(name, "", Failed, "")
	return true
}

// exports are the functions to test: what the manifest makes needed, and what of its kinds is optional and there. A channel says itself
// which of those it has.
func (t *tester) exports() (list []*contract.Function) {
	needed := t.manifest.RequiredExports()
	for n := range t.contract.Exports {
		f := &t.contract.Exports[n]
		if slices.Contains(needed, f.Name) || f.Optional && f.Capability != "channel" && slices.Contains(t.has, f.Name) && t.manifest.Declares(f.Name) {
			list = append(list, f)
		}
	}
	return list
}

// limits says what the most was that a call used, and whether that is close to what it may.
func (t *tester) limits() {
	limits, peak := manifest.Limits(t.manifest), t.report.Peak
	var found []string
	if peak.Memory > limits.Memory/4*3 {
		found = append(found, fmt.Sprintf("an instance holds %d of %d bytes", peak.Memory, limits.Memory))
	}
	if took := time.Duration(peak.Took) * time.Microsecond; took > time.Duration(limits.Deadline)*time.Millisecond/2 {
		found = append(found, fmt.Sprintf("a call takes %s of %d ms", took.Round(time.Millisecond), limits.Deadline))
	}
	t.check("there is room within the limits", "", Warning, "do less in a call, or raise limits in plugin.json: an instance that is nearly full is replaced after the call", found...)
}

// Of is the plugin of a package. folder is where its files are.
func Of(p source.Package, folder string) (Subject, error) {
	text, err := p.Manifest()
	return Subject{Manifest: text, Code: p.Code, Folder: folder}, err
}
