package runtime_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// logged keeps what a plugin logs.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) log(level hclog.Level, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, level.String()+" "+line)
}

// TestRejectionsThatNobodyHandles are logged with where they were thrown and fail the call in which they come; those that
// somebody handles in the end, are not.
func TestRejectionsThatNobodyHandles(t *testing.T) {
	const failed = "a promise was rejected, and nobody handles that: "
	for name, c := range map[string]struct{ script, want, log string }{
		"thrown":             {"var f = () => {\n\n(async () => { throw new TypeError('no such thing'); })(); return 1; };", failed + "TypeError: no such thing", "plugin.ts:300"},
		"later":              {"var f = async () => { Promise.resolve().then(() => { throw new Error('late'); }); return 1; };", failed + "Error: late", "plugin.ts:100"},
		"no error":           {"var f = () => { Promise.reject('just so'); return 1; };", failed + "just so", failed},
		"nothing":            {"var f = () => { Promise.reject(); return 1; };", failed, failed},
		"several":            {"var f = () => { for (let n = 0; n < 100; n++) Promise.reject(new Error('no ' + n)); return 1; };", failed + "Error: no 0", "Error: no 31"},
		"handled":            {"var f = async () => { try { await Promise.reject(new Error('x')); } catch { return 1; } };", "", ""},
		"handled late":       {"var f = async () => { const p = Promise.reject(new Error('x')); await null; await null; try { await p; } catch { return 1; } };", "", ""},
		"handled by all":     {"var f = async () => { try { await Promise.all([1, 2, 3].map(async (n) => { throw new Error(n); })); } catch { return 1; } };", "", ""},
		"the call's own":     {"var f = async () => { throw new Error('mine'); };", "mine", ""},
		"beside a failure":   {"var f = () => { Promise.reject(new Error('other')); throw new Error('mine'); };", "mine", "Error: other"},
		"a getter that ends": {"var f = () => { Promise.reject({get message() { throw new Error('x'); }}); return 1; };", failed, failed},
		"before any call":    {"Promise.reject(new Error('early')); var f = () => 1;", "", "Error: early"},
	} {
		t.Run(name, func(t *testing.T) {
			var l logged
			p := scripted(t, c.script, runtime.Spec{Mode: runtime.Warm, Log: l.log})
			for range 2 { // the instance goes on
				l.lines = nil
				out, err := p.Call(t.Context(), "f", []byte("null"))
				got := ""
				if err != nil {
					got = wit.AsError(err).Message
				}
				if !strings.HasPrefix(got, c.want) || c.want == "" && string(out) != "1" {
					t.Errorf("it answers %s, and %q, want %q", out, got, c.want)
				}
				if crash := (*runtime.Crash)(nil); strings.HasPrefix(c.want, failed) && (wit.CodeOf(err) != wit.CodeInternal || !errors.As(err, &crash) || strings.HasPrefix(c.log, "plugin.ts") && !strings.Contains(crash.Output, c.log)) {
					t.Errorf("the author is told %v", err)
				}
				lines := strings.Join(l.lines, "\n")
				if !strings.Contains(lines, c.log) || c.log == "" && lines != "" || len(l.lines) > 32 {
					t.Errorf("it logs %q, want %q", lines, c.log)
				}
				if name == "before any call" {
					break
				}
			}
			if s := p.Stats(); s.Instances != 1 {
				t.Errorf("%d instances", s.Instances)
			}
		})
	}
}
