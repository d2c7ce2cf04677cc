package life_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/life"
)

var (
	a   = life.Candidate{Fingerprint: "a", Version: "1.0.0", Path: "here"}
	b   = life.Candidate{Fingerprint: "b", Version: "2.0.0", Path: "here"}
	c   = life.Candidate{Fingerprint: "c", Version: "3.0.0", Path: "elsewhere"}
	bad = life.Update{Version: "9.9.9", Path: "here", Reason: "bad"}
)

func found(live bool, list ...life.Candidate) life.Event {
	return life.Found{Candidates: list, Live: live}
}

// situations are states, by the events that lead there.
var situations = []struct {
	name, after string
	events      []life.Event
}{
	{"unknown", "", nil},
	{"trying", "unknown", []life.Event{found(true, a)}},
	{"installed", "", []life.Event{found(false, a), life.Tried{Ref: 1}}},
	{"compiling", "trying", []life.Event{life.Tried{Ref: 1}}},
	{"ready", "compiling", []life.Event{life.Compiled{Ref: 1}}},
	{"failed", "trying", []life.Event{life.Tried{Ref: 1, Failed: &bad}}},
	{"retrying", "ready", []life.Event{found(true, b)}},
	{"rejected", "retrying", []life.Event{life.Tried{Ref: 2, Failed: &bad}}},
	{"preparing", "retrying", []life.Event{life.Tried{Ref: 2}}},
	{"replaced", "preparing", []life.Event{life.Compiled{Ref: 2}}},
	{"upgraded", "replaced", []life.Event{life.Drained{Ref: 1}}},
	{"preparing a third", "upgraded", []life.Event{found(true, c), life.Tried{Ref: 3}}},
	{"renewed", "compiling", []life.Event{life.Reconfigured{Started: true}}},
	{"removing", "ready", []life.Event{life.Gone{}}},
	{"disabled", "preparing", []life.Event{life.Disabled{Candidate: b}}},
	{"stopping", "upgraded", []life.Event{life.Stopping{}}},
}

// events are all that can happen, the refs being those that a situation may know.
var events = []struct {
	name string
	life.Event
}{
	{"found a", found(true, a)},
	{"found b", found(true, b)},
	{"found c a", found(true, c, a)},
	{"loaded c", found(false, c)},
	{"gone", life.Gone{}},
	{"disabled", life.Disabled{Candidate: a}},
	{"misconfigured", life.Disabled{Candidate: a, Why: &bad}},
	{"granted b", life.Granted{Fingerprint: "b"}},
	{"reconfigured", life.Reconfigured{Started: true}},
	{"reconfigured idle", life.Reconfigured{}},
	{"roll back", life.RollBack{Reason: "why"}},
	{"stopping", life.Stopping{}},
	{"tried 1", life.Tried{Ref: 1}},
	{"tried 2", life.Tried{Ref: 2}},
	{"tried 1 failed", life.Tried{Ref: 1, Failed: &bad}},
	{"tried 2 failed", life.Tried{Ref: 2, Failed: &bad}},
	{"tried 1 failed for now", life.Tried{Ref: 1, Failed: &bad, Passing: true}},
	{"tried 2 failed for now", life.Tried{Ref: 2, Failed: &bad, Passing: true}},
	{"tried 2 unfinished", life.Tried{Ref: 2, Unfinished: true}},
	{"compiled 1", life.Compiled{Ref: 1}},
	{"compiled 2", life.Compiled{Ref: 2}},
	{"compiled 1 failed", life.Compiled{Ref: 1, Failed: &bad}},
	{"compiled 1 never", life.Compiled{Ref: 1, Failed: &bad, Final: true}},
	{"compiled 2 never", life.Compiled{Ref: 2, Failed: &bad, Final: true}},
	{"compiled 3", life.Compiled{Ref: 3}},
	{"compiled 3 never", life.Compiled{Ref: 3, Failed: &bad, Final: true}},
	{"drained 1", life.Drained{Ref: 1}},
	{"drained 2", life.Drained{Ref: 2}},
	{"checked 1", life.Checked{Ref: 1}},
	{"checked 2", life.Checked{Ref: 2}},
	{"refused 1", life.Refused{Ref: 1, Why: bad}},
	{"refused 2", life.Refused{Ref: 2, Why: bad}},
	{"revoked", life.Revoked{Why: bad}},
	{"worked 1", life.Worked{Ref: 1}},
	{"worked 2", life.Worked{Ref: 2}},
	{"no such version", life.Compiled{Ref: 99}},
	{"drained 99", life.Drained{Ref: 99}},
	{"found nothing", life.Found{}},
}

// shown is a state in a line: phase and version, what is current, next and previous, what else was made.
func shown(s life.State) string {
	var out strings.Builder
	out.WriteString(strings.TrimSpace(cmp.Or(string(s.Status.Phase), "unseen") + " " + s.Status.Version))
	for _, r := range slices.Sorted(maps.Keys(s.Made)) {
		m := s.Made[r]
		fmt.Fprintf(&out, " %d", r)
		for mark, is := range map[string]bool{"*": r == s.Current, ">": r == s.Next, "<": r == s.Previous} {
			if is {
				out.WriteString(mark)
			}
		}
		if m.Compiling {
			out.WriteString("c")
		}
		if m.Draining {
			out.WriteString("d")
		}
	}
	if s.Trying.Ref != 0 {
		fmt.Fprintf(&out, " try %d", s.Trying.Ref)
	}
	if s.Update != nil {
		fmt.Fprintf(&out, " not %s", s.Update.Version)
	}
	if len(s.Rejected) > 0 {
		fmt.Fprintf(&out, " without %s", strings.Join(slices.Sorted(maps.Keys(s.Rejected)), " "))
	}
	return out.String()
}

func did(actions []life.Action) string {
	var list []string
	for _, a := range actions {
		list = append(list, a.String())
	}
	return cmp.Or(strings.Join(list, ", "), "nothing")
}

func states(t *testing.T) map[string]life.State {
	t.Helper()
	known := map[string]life.State{}
	for _, s := range situations {
		state := known[s.after]
		for _, e := range s.events {
			state, _ = life.Next(state, e)
		}
		known[s.name] = state
	}
	return known
}

// TestNext walks through the table: what each event does in each situation. What the table does not list
// must do nothing at all.
func TestNext(t *testing.T) {
	known := states(t)
	want := map[string]string{}
	situation := ""
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if name, state, is := strings.Cut(line, " = "); is {
			situation = name
			if got := shown(known[name]); got != state {
				t.Errorf("%s is %q, want %q", name, got, state)
			}
		} else if e, outcome, is := strings.Cut(line, ": "); is {
			want[situation+": "+e] = outcome
		}
	}
	for _, s := range situations {
		for _, e := range events {
			before := known[s.name]
			copied := shown(before)
			after, actions := life.Next(before, e.Event)
			got := ""
			if len(actions) > 0 || shown(after) != copied {
				got = fmt.Sprintf("%s -> %s", did(actions), shown(after))
			}
			key := s.name + ": " + e.name
			if got != want[key] {
				t.Errorf("%s\n  got  %s\n  want %s", key, got, want[key])
			}
			if shown(before) != copied {
				t.Errorf("%s changed the state that it was given", key)
			}
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("%s: there is no such situation or event", key)
	}
}
