package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// verdict is what the tests say of a change.
type verdict string

const (
	killed    verdict = "killed"
	survived  verdict = "survived"
	unreached verdict = "unreached" // no test comes to it
	slow      verdict = "slow"      // the tests were ended by the time limit, and nothing else was noticed
	invalid   verdict = "invalid"   // it does not compile
)

// tester runs the tests that reach a change. Its files are in a folder of its own.
type tester struct {
	source   *source
	folder   string
	packages []string
	limit    time.Duration // 0: by what the tests take without a change
	suites   []suite
	tests    []test
}

// suite is the tests of one package, built.
type suite struct{ folder, binary string }

// test is one test, with the changes that it reaches and what it takes without one.
type test struct {
	suite   suite
	name    string
	reaches map[int]bool
	takes   time.Duration
}

// newTester builds the tests with all switches in the code, and runs each test once without a change.
func newTester(ctx context.Context, s *source, all []mutant, o options) (*tester, error) {
	folder, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	t := &tester{source: s, folder: folder, packages: o.tests, limit: o.limit}
	if t.suites, err = t.build(ctx, s.switched(all)); err == nil {
		err = t.trace(ctx)
	}
	if err != nil {
		t.close()
	}
	return t, err
}

func (t *tester) close() { _ = os.RemoveAll(t.folder) }

// build builds the tests with these files in the place of the package's. Without cgo the runtime notices at once when
// nothing can go on any more, as behind a lock that is kept.
func (t *tester) build(ctx context.Context, files map[string][]byte) ([]suite, error) {
	folder, err := os.MkdirTemp(t.folder, "build")
	if err != nil {
		return nil, err
	}
	overlay, err := writeOverlay(folder, files)
	if err != nil {
		return nil, err
	}
	var suites []suite
	for n, name := range t.packages {
		binary := filepath.Join(folder, strconv.Itoa(n)+".test")
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s does not compile: %w\n%s", name, err, out)
		}
		suites = append(suites, suite{name, binary})
	}
	return suites, nil
}

// writeOverlay writes files and what -overlay takes: which of them stands for which.
func writeOverlay(folder string, files map[string][]byte) (string, error) {
	replaced := map[string]string{}
	for name, text := range files {
		original, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		replaced[original] = filepath.Join(folder, filepath.Base(name))
		if err := os.WriteFile(replaced[original], text, 0o600); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(folder, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}

// trace runs each test by itself, without a change, and notes what it reaches and how long it takes.
func (t *tester) trace(ctx context.Context) error {
	for _, s := range t.suites {
		var names bytes.Buffer
		if err := t.run(ctx, s, &names, nil, "-test.list=."); err != nil {
			return fmt.Errorf("list the tests of %s: %w\n%s", s.folder, err, &names)
		}
		for name := range strings.FieldsSeq(names.String()) {
			traced, err := t.traceOne(ctx, s, name)
			if err != nil {
				return err
			}
			t.tests = append(t.tests, traced)
		}
	}
	return nil
}

func (t *tester) traceOne(ctx context.Context, s suite, name string) (test, error) {
	file := filepath.Join(t.folder, "reached")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return test{}, err
	}
	var out bytes.Buffer
	start := time.Now()
	if err := t.run(ctx, s, &out, []string{"MUTATE_TRACE=" + file}, only(name)); err != nil {
		return test{}, fmt.Errorf("%s of %s fails without any change: %w\n%s", name, s.folder, err, &out)
	}
	traced := test{s, name, map[int]bool{}, time.Since(start)}
	reached, err := os.ReadFile(file)
	for line := range strings.FieldsSeq(string(reached)) {
		if n, err := strconv.Atoi(line); err == nil {
			traced.reaches[n] = true
		}
	}
	return traced, err
}

// only is the flag that chooses tests.
func only(names ...string) string { return "-test.run=^(" + strings.Join(names, "|") + ")$" }

// try runs the tests that reach a change, until one notices it. A change that is no switch is built first, and all
// tests may reach it.
func (t *tester) try(ctx context.Context, m mutant) verdict {
	suites := t.suites
	if m.apart {
		built, err := t.build(ctx, t.source.with([]mutant{m}))
		if err != nil {
			return invalid
		}
		suites = built
	}
	v := unreached
	for n, s := range suites {
		names, takes := t.reaching(m, t.suites[n])
		if len(names) == 0 {
			continue
		}
		if v = t.tryTests(ctx, s, m, names, takes); v != survived {
			break
		}
	}
	return v
}

// reaching names the tests of a suite that may notice a change, and says how long they take without it.
func (t *tester) reaching(m mutant, s suite) (names []string, takes time.Duration) {
	for _, test := range t.tests {
		if test.suite == s && (m.apart || test.reaches[m.number]) {
			names = append(names, test.name)
			takes += test.takes
		}
	}
	return names, takes
}

// tryTests runs tests with a change, until one fails or the time is over.
func (t *tester) tryTests(ctx context.Context, s suite, m mutant, names []string, takes time.Duration) verdict {
	limit := t.limit
	if limit == 0 {
		limit = 3*takes + 5*time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	chosen := []string{"MUTATE_CHANGE=" + strconv.Itoa(m.number)}
	err := t.run(ctx, s, io.Discard, chosen, "-test.failfast", only(names...))
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return slow
	case err != nil:
		return killed
	}
	return survived
}

// run runs a built suite as `go test` does: in the package's folder. What the tests leave behind goes with the
// tester's own files.
func (t *tester) run(ctx context.Context, s suite, out io.Writer, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, s.binary, append(args, "-test.paniconexit0", "-test.timeout=0")...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, out, out
	cmd.Env = append(append(os.Environ(), "TMPDIR="+t.folder), env...)
	cmd.WaitDelay = time.Second // children may hold the output open
	return cmd.Run()
}
