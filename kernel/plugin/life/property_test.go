package life_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/life"
)

// world carries out actions as a registry does, and notes what must never be.
type world struct {
	t       *testing.T
	state   life.State
	pending []life.Event // outcomes of actions that are under way
	serving life.Ref
	made    map[life.Ref]bool // true until it is freed
	busy    map[life.Ref]int  // drains and compilations that are under way
	known   map[life.Ref]bool // verified or compiled
	tried   map[string]bool   // rejected fingerprints that nothing has made good since
	choose  func(n int) int
	story   []string
}

func newWorld(t *testing.T, choose func(int) int) *world {
	return &world{t: t, made: map[life.Ref]bool{}, busy: map[life.Ref]int{}, known: map[life.Ref]bool{}, tried: map[string]bool{}, choose: choose}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, line := range w.story {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

func (w *world) happen(e life.Event) {
	before := w.state
	var actions []life.Action
	w.state, actions = life.Next(before, e)
	w.story = append(w.story, fmt.Sprintf("%T%+v: %s -> %s", e, e, did(actions), shown(w.state)))
	w.rejections(before, e)
	for _, a := range actions {
		w.act(before, e, a)
	}
	w.check(before, e)
}

// rejections notes which fingerprints may not be tried.
func (w *world) rejections(before life.State, e life.Event) {
	switch e := e.(type) {
	case life.Found:
		maps.DeleteFunc(w.tried, func(f string, _ bool) bool {
			return !slices.ContainsFunc(e.Candidates, func(c life.Candidate) bool { return c.Fingerprint == f })
		})
	case life.Granted:
		delete(w.tried, e.Fingerprint)
	case life.Tried:
		if e.Failed != nil && !e.Passing && e.Ref == before.Trying.Ref {
			w.tried[before.Trying.Fingerprint] = true
		}
	}
	if w.state.Status.Phase == "" {
		clear(w.tried)
	}
}

func (w *world) act(before life.State, e life.Event, a life.Action) {
	switch a := a.(type) {
	case life.Try:
		if w.tried[a.Candidate.Fingerprint] {
			w.fail("%s was rejected and is tried again", a.Candidate.Fingerprint)
		}
		outcome := life.Tried{Ref: a.Ref}
		switch w.choose(5) {
		case 4:
			outcome.Failed, outcome.Passing = &life.Update{Version: a.Candidate.Version, Path: a.Candidate.Path, Reason: "for now"}, true
		case 0:
			outcome.Failed = &life.Update{Version: a.Candidate.Version, Path: a.Candidate.Path, Reason: "failed"}
		case 1:
			outcome.Unfinished = true
		default:
			w.made[a.Ref], w.known[a.Ref] = true, a.Verify
		}
		w.pending = append(w.pending, outcome)
	case life.Clone:
		if !w.made[a.From] {
			w.fail("%d is cloned and does not exist", a.From)
		}
		w.made[a.To], w.known[a.To] = true, w.known[a.From]
	case life.Serve:
		if a.Ref != 0 && !w.made[a.Ref] {
			w.fail("%d serves and does not exist", a.Ref)
		}
		_, asked := e.(life.RollBack)
		if w.serving != 0 && a.Ref != 0 && !w.known[a.Ref] && w.known[w.serving] && !asked {
			w.fail("%d takes the place of %d and has not been verified", a.Ref, w.serving)
		}
		w.serving = a.Ref
	case life.Compile:
		w.busy[a.Ref]++
		outcome := life.Compiled{Ref: a.Ref}
		if w.choose(3) == 0 {
			outcome.Failed, outcome.Final = &life.Update{Reason: "does not compile"}, w.choose(2) == 0
		}
		w.pending = append(w.pending, outcome)
	case life.Drain:
		if a.Ref == w.serving {
			w.fail("%d is drained and serves", a.Ref)
		}
		w.busy[a.Ref]++
		w.pending = append(w.pending, life.Drained{Ref: a.Ref})
	case life.Free:
		if !w.made[a.Ref] || w.busy[a.Ref] > 0 || a.Ref == w.serving {
			w.fail("%d is freed: exists %v, busy %d, serving %d", a.Ref, w.made[a.Ref], w.busy[a.Ref], w.serving)
		}
		w.made[a.Ref] = false
		if a.Ref == before.Previous {
			w.mayDropPrevious(before, e)
		}
	}
}

// mayDropPrevious names what the version for a rollback may be dropped for.
func (w *world) mayDropPrevious(before life.State, e life.Event) {
	switch e.(type) {
	case life.RollBack, life.Gone, life.Disabled, life.Revoked, life.Stopping:
		return
	}
	if w.state.Current == before.Current {
		w.fail("the previous version is freed although %d goes on", before.Current)
	}
}

func (w *world) check(before life.State, e life.Event) {
	s := &w.state
	if s.Current != w.serving {
		w.fail("%d is current and %d serves", s.Current, w.serving)
	}
	for _, r := range []life.Ref{s.Current, s.Next, s.Previous} {
		if _, there := s.Made[r]; r != 0 && !there {
			w.fail("%d has a place and was not made", r)
		}
	}
	if s.Current != 0 && (s.Current == s.Next || s.Current == s.Previous) || s.Next != 0 && s.Next == s.Previous {
		w.fail("one version has two places: %s", shown(*s))
	}
	for r := range s.Made {
		if !w.made[r] {
			w.fail("%d is remembered and was freed", r)
		}
	}
	if t, ok := e.(life.Tried); ok && t.Failed != nil && before.Current != s.Current {
		w.fail("a failed candidate changed what runs from %d to %d", before.Current, s.Current)
	}
	if c, ok := e.(life.Compiled); ok && c.Failed != nil && c.Ref == before.Next && before.Current != s.Current {
		w.fail("a candidate that does not compile changed what runs from %d to %d", before.Current, s.Current)
	}
	if _, ok := e.(life.RollBack); ok && before.Next != s.Next {
		w.fail("a rollback dropped what was being prepared")
	}
	if s.Closed && s.Current != 0 {
		w.fail("something runs after the end")
	}
	if s.Status.Phase == life.Ready && s.Current == 0 {
		w.fail("ready, and nothing runs")
	}
}

// outcome makes one of the pending outcomes happen.
func (w *world) outcome() {
	i := w.choose(len(w.pending))
	e := w.pending[i]
	w.pending = slices.Delete(w.pending, i, i+1)
	switch e := e.(type) {
	case life.Drained:
		w.busy[e.Ref]--
	case life.Compiled:
		w.busy[e.Ref]--
		w.known[e.Ref] = w.known[e.Ref] || e.Failed == nil
	}
	w.happen(e)
}

// live takes so many steps, then stops, and looks what is left.
func (w *world) live(steps int) {
	candidates := []life.Candidate{a, b, c}
	for range steps {
		if len(w.pending) > 0 && w.choose(2) == 0 {
			w.outcome()
			continue
		}
		some := life.Ref(w.choose(int(w.state.Last) + 1))
		switch w.choose(13) {
		case 0, 1, 2:
			i, n := w.choose(3), w.choose(2)
			list := []life.Candidate{candidates[i]}
			if n == 1 {
				list = append(list, candidates[(i+1)%3])
			}
			w.happen(life.Found{Candidates: list, Live: w.choose(4) > 0})
		case 3:
			w.happen(life.Gone{})
		case 4:
			off := life.Disabled{Candidate: candidates[w.choose(3)]}
			if w.choose(2) == 0 {
				off.Why = &life.Update{Version: off.Candidate.Version, Path: off.Candidate.Path, Reason: "misconfigured"}
			}
			w.happen(off)
		case 5:
			w.happen(life.Granted{Fingerprint: candidates[w.choose(3)].Fingerprint})
		case 6:
			w.happen(life.Reconfigured{Started: w.choose(2) == 0})
		case 7:
			w.happen(life.RollBack{Reason: "why"})
		case 8:
			w.known[some] = w.known[some] || w.made[some]
			w.happen(life.Checked{Ref: some})
		case 9:
			w.happen(life.Refused{Ref: some, Why: life.Update{Reason: "refused"}})
		case 10, 11:
			w.happen(life.Worked{Ref: some})
		case 12:
			w.happen(life.Revoked{Why: life.Update{Reason: "revoked"}})
		}
	}
	w.happen(life.Stopping{})
	w.happen(found(true, a))
	for len(w.pending) > 0 {
		w.outcome()
	}
	for r, there := range w.made {
		if there {
			w.fail("%d was made and never freed", r)
		}
	}
	if len(w.state.Made) > 0 || len(w.state.Abandoned) > 0 {
		w.fail("left: %s", shown(w.state))
	}
}

// TestInvariants lives many random lives.
func TestInvariants(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		newWorld(t, func(n int) int { return r.IntN(n) }).live(60)
	}
}

// FuzzLife takes its choices from the data.
func FuzzLife(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func(n int) int {
			if len(data) == 0 {
				return 0
			}
			v := int(data[0])
			data = data[1:]
			return v % n
		}
		newWorld(t, next).live(min(len(data), 500))
	})
}
