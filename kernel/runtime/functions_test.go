package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

func TestHostFunctionEnvelope(t *testing.T) {
	type key struct{}
	e := newEngine(t, runtime.Config{})
	after := int64(1500)
	answers := map[string]func(ctx context.Context) ([]byte, error){
		`"plain"`: func(ctx context.Context) ([]byte, error) { return []byte(`{"hello":1}`), nil },
		`"empty"`: func(ctx context.Context) ([]byte, error) { return nil, nil },
		`"coded"`: func(ctx context.Context) ([]byte, error) {
			return nil, fmt.Errorf("wrapped: %w", &wit.Error{Code: wit.CodeRateLimited, Message: "slow down", Retryable: true, RetryAfter: &after})
		},
		`"uncoded"`: func(ctx context.Context) ([]byte, error) { return nil, errors.New("secret database text") },
		`"panics"`:  func(ctx context.Context) ([]byte, error) { panic("secret panic") },
		`"context"`: func(ctx context.Context) ([]byte, error) {
			_, ok := ctx.Deadline()
			return fmt.Appendf(nil, `"%v %v"`, ctx.Value(key{}), ok), nil
		},
		`"large"`: func(ctx context.Context) ([]byte, error) { return make([]byte, 65<<20), nil },
	}
	spec := runtime.Spec{Mode: runtime.Warm, Functions: map[string]runtime.HostFunc{
		"greet": func(ctx context.Context, in []byte) ([]byte, error) { return answers[string(in)](ctx) }}}
	ctx := context.WithValue(context.Background(), key{}, "traced")
	for _, pkg := range []string{kitchen, fastPkg} {
		p := newPool(t, e, goGuest(t, pkg), spec)
		for in, want := range map[string]string{
			`"plain"`:   `{"ok":{"hello":1}}`,
			`"empty"`:   `{"ok":null}`,
			`"coded"`:   `{"error":{"code":"rate_limited","message":"slow down","retryable":true,"retryAfter":1500}}`,
			`"uncoded"`: `{"error":{"code":"internal","message":"internal error"}}`,
			`"panics"`:  `{"error":{"code":"internal","message":"internal error"}}`,
			`"context"`: `{"ok":"traced true"}`,
		} {
			out, err := p.Call(ctx, "greet_call", []byte(in))
			if err != nil || string(out) != want {
				t.Errorf("%s: %s = %s %v, want %s", pkg, in, out, err, want)
			}
		}
		if _, err := p.Call(ctx, "greet_call", []byte(`"large"`)); wit.CodeOf(err) != wit.CodeTooLarge {
			t.Errorf("%s: an answer of 65 MB: %v, want too_large", pkg, err)
		}
	}
}

func TestBulkCopies(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, fastPkg), runtime.Spec{Mode: runtime.Warm})
	for _, n := range []int{0, 1, 7, 8, 4096, 3 << 20} {
		in := strings.Repeat("é", n/2) + strings.Repeat("x", n%2)
		for _, export := range []string{"echo", "block_echo"} {
			if got := mustCall(t, p, export, in); got != in {
				t.Errorf("%s of %d bytes: %d bytes %.20q", export, n, len(got), got)
			}
		}
	}
	for export, code := range map[string]wit.Code{"wild_read": wit.CodeInvalid, "wild_write": wit.CodeInvalid, "wild_input": wit.CodeInvalid,
		"wild_output": wit.CodeTooLarge, "header_write": wit.CodeInvalid} {
		if out, err := p.Call(context.Background(), export, []byte("in")); wit.CodeOf(err) != code {
			t.Errorf("%s: %q %v", export, out, err)
		}
	}
}

func TestUngrantedFunctionLinks(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{Mode: runtime.Warm})
	var answer struct{ Error wit.Error }
	if err := json.Unmarshal([]byte(mustCall(t, p, "ungranted_call", "{}")), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error.Code != wit.CodeForbidden || !strings.HasPrefix(answer.Error.Message, "permission not granted: ungranted") {
		t.Errorf("answer = %+v", answer)
	}
}

// TestBundle: one module, several plugins, each with its own functions and identity.
func TestBundle(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	wasm := goGuest(t, kitchen)
	var wg sync.WaitGroup
	for _, id := range []string{"alpha", "beta"} {
		p := newPool(t, e, wasm, runtime.Spec{Plugin: id, Mode: runtime.Warm, Functions: map[string]runtime.HostFunc{
			"greet": func(context.Context, []byte) ([]byte, error) { return []byte(`"` + id + `"`), nil }}})
		wg.Go(func() {
			for range 20 {
				if got := mustCall(t, p, "config", runtime.ConfigPlugin); got != id+" true" {
					t.Errorf("plugin %s is told %q", id, got)
				}
				if got := mustCall(t, p, "greet_call", "1"); got != `{"ok":"`+id+`"}` {
					t.Errorf("plugin %s got %q", id, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestGuestErrors(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{Plugin: "cook", Mode: runtime.Warm, Limits: runtime.Limits{Deadline: patience}})
	for _, c := range []struct {
		export, in string
		code       wit.Code
		words      string
	}{
		{"fail", "no such city", wit.CodeUnavailable, "plugin cook: fail: no such city"},
		{"fail", `{"code":"conflict","message":"taken"}`, wit.CodeConflict, "taken"},
		{"fail", `{"code":"rate_limited","message":"later","retryable":true,"retryAfter":10}`, wit.CodeRateLimited, "later"},
		{"fail", `{"code":"made_up","message":"x"}`, wit.CodeUnavailable, "plugin cook: fail: {"},
		{"quiet_fail", "", wit.CodeUnavailable, "plugin cook: quiet_fail failed with code 7"},
		{"panics", "", wit.CodeUnavailable, "plugin cook: panics trapped: unreachable: panic: boom"},
		{"exits", "", wit.CodeUnavailable, "plugin cook: exits exited with code 3"},
		{"large", "", wit.CodeTooLarge, "plugin cook: answer of 5242880 bytes is over the limit of 4194304"},
		{"bigvar", "", wit.CodeTooLarge, "variable of 2097152 bytes is over the limit"},
		{"nothing", "", wit.CodeNotFound, "plugin cook has no export nothing"},
		{"hog", "", wit.CodeUnavailable, "out of memory"},
		{"recurse", "", wit.CodeUnavailable, ""},
	} {
		_, err := p.Call(context.Background(), c.export, []byte(c.in))
		if wit.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s(%s) = %q %v, want %q with %q", c.export, c.in, wit.CodeOf(err), err, c.code, c.words)
		}
		if got := mustCall(t, p, "echo", "still here"); got != "still here" {
			t.Fatalf("after %s: %q", c.export, got)
		}
	}
	_, err := p.Call(context.Background(), "fail", []byte(`{"code":"rate_limited","message":"later","retryable":true,"retryAfter":10}`))
	if e := wit.AsError(err); !e.Retryable || e.RetryAfter == nil || *e.RetryAfter != 10 {
		t.Errorf("retry = %+v", e)
	}
}

func TestHTTPGoesThroughTheSpec(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	var asked runtime.HTTPRequest
	for _, c := range []struct {
		name string
		f    runtime.HTTPFunc
		want string
	}{
		{"answered", func(_ context.Context, r runtime.HTTPRequest) (runtime.HTTPResponse, error) {
			asked = r
			return runtime.HTTPResponse{Status: 201, Header: http.Header{"X-Answer": {"a", "b"}}, Body: []byte("made")}, nil
		}, "201 a,b made"},
		{"not permitted", nil, `403  {"error":{"code":"forbidden","message":"http is not permitted`},
		{"refused", func(context.Context, runtime.HTTPRequest) (runtime.HTTPResponse, error) {
			return runtime.HTTPResponse{}, wit.NewError(wit.CodeRateLimited, "wait")
		}, `429  {"error":{"code":"rate_limited"`},
		{"broken", func(context.Context, runtime.HTTPRequest) (runtime.HTTPResponse, error) {
			return runtime.HTTPResponse{}, errors.New("dial 10.0.0.1: secret")
		}, `502  {"error":{"code":"internal","message":"internal error"}}`},
	} {
		p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{HTTP: c.f})
		if got := mustCall(t, p, "http", "body"); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if asked.Method != "POST" || asked.URL != "https://example.invalid/path" || asked.Header["x-test"] != "1" || string(asked.Body) != "body" {
		t.Errorf("asked = %+v", asked)
	}
}

func TestLogLines(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	var mu sync.Mutex
	var lines []string
	p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{Mode: runtime.Warm, Log: func(l hclog.Level, s string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, l.String()+" "+s)
	}})
	mustCall(t, p, "log", "oh no")
	want := []string{"info hello", "error oh no", "info to stdout", "warn to stderr"}
	if fmt.Sprint(lines) != fmt.Sprint(want) {
		t.Errorf("lines = %q, want %q", lines, want)
	}
	lines = nil
	mustCall(t, p, "log", strings.Repeat("é", 1<<20))
	if len(lines) != 4 || len(lines[1]) > 4096+len("error ") || !strings.HasSuffix(lines[1], "é…") {
		t.Errorf("a line of 2 MB became %d bytes", len(lines[1]))
	}
}

func TestSleepTakesItsTimeAndIsNotGuestTime(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{Mode: runtime.Warm})
	mustCall(t, p, "noop", "")
	before := p.Stats()
	start := time.Now()
	mustCall(t, p, "sleep", "150ms")
	if d := time.Since(start); d < 150*time.Millisecond {
		t.Errorf("slept %s", d)
	}
	s := p.Stats()
	if host := s.HostTime - before.HostTime; host < 140*time.Millisecond || s.GuestTime-before.GuestTime > host/2 {
		t.Errorf("stats = %+v", s)
	}
}

// TestTrace: who looks at a call is told what it used and what it asked for, also where the host ended it.
func TestTrace(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{Mode: runtime.Warm, Limits: runtime.Limits{Deadline: 100 * time.Millisecond}, Functions: map[string]runtime.HostFunc{
		"greet": func(ctx context.Context, in []byte) ([]byte, error) {
			if string(in) == "{}" {
				return in, nil
			}
			<-ctx.Done()
			return nil, wit.NewError(wit.CodeTimeout, "too late")
		}}})
	var did runtime.Trace
	if _, err := p.Trace(t.Context(), "greet_call", []byte("{}"), &did); err != nil || len(did.Calls) != 1 || did.Calls[0].Name != "greet" || did.Calls[0].Code != "" {
		t.Errorf("%v: %+v", err, did)
	}
	if did.Memory < 1<<16 || did.Guest <= 0 || did.More != 0 {
		t.Errorf("used: %+v", did)
	}
	did = runtime.Trace{}
	if _, err := p.Trace(t.Context(), "greet_call", []byte(`"wait"`), &did); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("a call that waits too long: %v", err)
	}
	if len(did.Calls) != 1 || did.Calls[0].Code != wit.CodeTimeout || did.Calls[0].Took < 50*time.Millisecond || did.Host < 50*time.Millisecond {
		t.Errorf("what it waited for: %+v", did)
	}
}
