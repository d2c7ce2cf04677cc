package kernel_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestKeptAnswersAreTrue: while conversations go on and are changed, an answer that is asked for again and again is at
// each moment the one that is made anew.
func TestKeptAnswersAreTrue(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	// Each question as it is always asked, and with a field that changes nothing, so that it is a new one.
	questions := []struct {
		method string
		params object
		anew   func(n int) object
	}{
		{"sessions.list", object{"limit": 3}, func(n int) object { return object{"limit": 3, "creatorId": fmt.Sprint(n)} }},
		{"sessions.list", object{"search": "talk", "includeLastMessage": true}, func(n int) object {
			return object{"search": "talk", "includeLastMessage": true, "creatorId": fmt.Sprint(n)}
		}},
		{"chat.history", object{"sessionKey": "s1"}, func(n int) object { return object{"sessionKey": "s1", "inputRunIds": []string{fmt.Sprint(n)}} }},
		{"chat.history", object{"sessionKey": "s2", "limit": 2, "maxChars": 20}, func(n int) object {
			return object{"sessionKey": "s2", "limit": 2, "maxChars": 20, "inputRunIds": []string{fmt.Sprint(n)}}
		}},
		{"cron.list", object{"includeDisabled": true}, func(n int) object {
			return object{"includeDisabled": true, "query": strings.Repeat(" ", n%150+1)}
		}},
	}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for s := range 3 {
		l := k.Listen()
		writers.Go(func() {
			for n := range 25 {
				run, key := fmt.Sprintf("%d-%d", s, n), fmt.Sprint("s", s)
				l.MustCall("chat.send", object{"sessionKey": key, "message": "talk " + run, "idempotencyKey": run}, nil)
				l.End(run)
				switch n % 5 {
				case 1:
					l.MustCall("sessions.patch", object{"key": key, "label": "talk " + run}, nil)
				case 2:
					l.MustCall("cron.add", object{"name": run, "schedule": object{"kind": "every", "everyMs": 3600000}, "sessionTarget": "main",
						"wakeMode": "now", "payload": object{"kind": "systemEvent", "text": "tick"}}, nil)
				case 3:
					l.MustCall("sessions.reset", object{"key": key}, nil)
				case 4:
					k.Rest()
				}
			}
		})
	}
	for _, q := range questions {
		l := k.Listen()
		readers.Go(func() {
			var states []string
			for n := 0; ; n++ {
				last := false
				select {
				case <-done:
					last = true
				default:
				}
				before, fresh, after := answered(l, q.method, q.params), answered(l, q.method, q.anew(n)), answered(l, q.method, q.params)
				if before == after && fresh != after {
					t.Errorf("%s %v is kept as\n%s\nand is\n%s", q.method, q.params, after, fresh)
					return
				}
				if states = append(states, fresh); last {
					break
				}
			}
			slices.Sort(states)
			if seen := len(slices.Compact(states)); seen < 5 {
				t.Errorf("%s %v was seen in %d states only", q.method, q.params, seen)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

// answered is an answer without the time at which it was made.
func answered(l *kerneltest.Listener, method string, params object) string {
	var answer map[string]json.RawMessage
	l.MustCall(method, params, &answer)
	delete(answer, "ts")
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		fmt.Fprintf(&b, "%s=%s\n", name, answer[name])
	}
	return b.String()
}

// TestKeptHealthIsTrue: what health says of the sessions is what their list does, while they change.
func TestKeptHealthIsTrue(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	type recent struct {
		Key       string
		UpdatedAt int64
	}
	done := make(chan struct{})
	var writer sync.WaitGroup
	talk := k.Listen()
	writer.Go(func() {
		defer close(done)
		for n := range 40 {
			run, key := fmt.Sprint("run-", n), fmt.Sprint("s", n%9)
			talk.MustCall("chat.send", object{"sessionKey": key, "message": "talk", "idempotencyKey": run}, nil)
			talk.End(run)
		}
	})
	l := k.Listen()
	kept := func() string {
		var h struct {
			Agents []struct {
				Sessions struct{ Recent []recent }
			}
			Sessions struct {
				Count  int
				Recent []recent
			}
		}
		l.MustCall("health", object{}, &h)
		if !slices.Equal(h.Agents[0].Sessions.Recent, h.Sessions.Recent) {
			t.Errorf("the agent's sessions are %v, all %v", h.Agents[0].Sessions.Recent, h.Sessions.Recent)
		}
		return fmt.Sprint(h.Sessions.Count, h.Sessions.Recent)
	}
	states := map[string]bool{}
	for n, last := 0, false; !last; n++ {
		select {
		case <-done:
			last = true
		default:
		}
		var anew struct {
			TotalCount int
			Sessions   []recent
		}
		before := kept()
		l.MustCall("sessions.list", object{"limit": 5, "creatorId": fmt.Sprint(n)}, &anew)
		after, fresh := kept(), fmt.Sprint(anew.TotalCount, anew.Sessions)
		if before == after && fresh != after {
			t.Fatalf("kept as\n%s\nand is\n%s", after, fresh)
		}
		states[fresh] = true
	}
	writer.Wait()
	if len(states) < 5 {
		t.Errorf("it was seen in %d states only", len(states))
	}
}
