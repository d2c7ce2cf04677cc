package life

import (
	"maps"
	"slices"
)

// Next returns what a plugin is after an event, and what has to be done for it, in order. It changes
// nothing that it is given.
func Next(s State, e Event) (State, []Action) {
	n := &step{State: s.clone()}
	if n.Made == nil {
		n.Made = map[Ref]Made{}
	}
	if n.Rejected == nil {
		n.Rejected = map[string]Update{}
	}
	if n.Abandoned == nil {
		n.Abandoned = map[Ref]bool{}
	}
	switch e := e.(type) {
	case Found:
		n.found(e)
	case Gone:
		n.gone()
	case Disabled:
		n.disabled(e)
	case Granted:
		delete(n.Rejected, e.Fingerprint)
	case Reconfigured:
		n.reconfigured(e)
	case RollBack:
		n.rollBack(e)
	case Stopping:
		n.stopping()
	case Tried:
		n.tried(e)
	case Compiled:
		n.compiled(e)
	case Drained:
		n.drained(e)
	case Checked:
		n.checked(e.Ref)
	case Refused:
		n.refused(e.Ref, e.Why)
	case Revoked:
		n.revoked(e.Why)
	case Worked:
		n.worked(e.Ref)
	}
	return n.State, n.actions
}

// step is one transition under way.
type step struct {
	State
	actions []Action
}

func (n *step) do(a ...Action) { n.actions = append(n.actions, a...) }

// become changes the status and says so, unless it is the same.
func (n *step) become(p Phase, version, reason string) {
	if n.Status.Phase != p || n.Status.Version != version || n.Status.Reason != reason {
		n.do(Announce{Phase: p, Version: version, Reason: reason})
	}
	n.Status.Phase, n.Status.Version, n.Status.Reason, n.Status.Hint = p, version, reason, ""
}

func (n *step) found(e Found) {
	if n.Closed || len(e.Candidates) == 0 {
		return
	}
	n.abandon()
	n.Candidates, n.Live = slices.Clone(e.Candidates), e.Live
	maps.DeleteFunc(n.Rejected, func(fingerprint string, _ Update) bool {
		return !slices.ContainsFunc(n.Candidates, func(c Candidate) bool { return c.Fingerprint == fingerprint })
	})
	n.choose()
}

// choose goes through the candidates until one runs, is prepared to, or has to be tried first.
func (n *step) choose() {
	var problem *Update
	for _, c := range n.Candidates {
		if n.runs(n.Next, c) {
			break
		}
		if n.runs(n.Current, c) {
			n.dropNext() // it was for files that are not there any more
			break
		}
		u, bad := n.Rejected[c.Fingerprint]
		if !bad {
			n.Last++
			n.Trying = Trial{Ref: n.Last, Candidate: c, Verify: n.Live || n.Current != 0}
			n.do(Try(n.Trying))
			return
		}
		if problem == nil {
			problem = &u
		}
		if n.Current == 0 {
			n.fail(*problem)
		} else if n.Made[n.Current].Path == c.Path {
			break // what this package was before goes on, rather than a package that it replaces
		}
	}
	n.Update = problem
}

func (n *step) runs(r Ref, c Candidate) bool { return r != 0 && n.Made[r].Fingerprint == c.Fingerprint }

// fail says in the status why nothing can be called; it was announced when the candidate was rejected.
func (n *step) fail(u Update) {
	n.Status = Status{Phase: Failed, Version: u.Version, Reason: u.Reason, Hint: u.Hint, Path: u.Path}
}

// reject keeps a candidate from being tried again, and says why.
func (n *step) reject(fingerprint string, u Update) {
	n.Rejected[fingerprint] = u
	n.Update = &u
	n.do(Announce{Phase: Failed, Version: u.Version, Reason: u.Reason})
}

// postpone says why a candidate does not run for now. It is tried when it is found again.
func (n *step) postpone(u Update) {
	if n.Update == nil || n.Update.Version != u.Version || n.Update.Reason != u.Reason {
		n.do(Announce{Phase: Failed, Version: u.Version, Reason: u.Reason})
	}
	n.Update = &u
	if n.Current == 0 {
		n.fail(u)
	}
}

// abandon makes the outcome of a trial count for nothing.
func (n *step) abandon() {
	if n.Trying.Ref != 0 {
		n.Abandoned[n.Trying.Ref] = true
	}
	n.Trying = Trial{}
}

func (n *step) tried(e Tried) {
	trial := n.Trying
	if n.Abandoned[e.Ref] && e.Failed == nil && !e.Unfinished {
		n.do(Free{e.Ref})
	}
	delete(n.Abandoned, e.Ref)
	if e.Ref == 0 || e.Ref != n.Trying.Ref {
		return
	}
	n.Trying = Trial{}
	switch {
	case e.Unfinished:
	case e.Failed != nil && e.Passing:
		n.postpone(*e.Failed)
	case e.Failed != nil:
		n.reject(trial.Fingerprint, *e.Failed)
		n.choose()
	default:
		n.Made[e.Ref] = Made{Candidate: trial.Candidate, Verified: trial.Verify}
		n.install(e.Ref)
		n.Update = n.problemBefore(trial.Candidate)
	}
}

// problemBefore returns why the candidates that should rather run than c do not.
func (n *step) problemBefore(c Candidate) *Update {
	for _, better := range n.Candidates {
		if better.Fingerprint == c.Fingerprint {
			return nil
		}
		if u, bad := n.Rejected[better.Fingerprint]; bad {
			return &u
		}
	}
	return nil
}

// install puts a version in an empty place, or prepares it to take the place of what runs.
func (n *step) install(r Ref) {
	n.dropNext()
	switch {
	case n.Current == 0 && !n.Live:
		n.swap(r, Installed)
	case n.Current == 0:
		n.swap(r, Verified)
		n.compile(r)
	default:
		n.Next = r
		n.do(Announce{Phase: Verified, Version: n.Made[r].Version, Previous: n.Made[n.Current].Version})
		n.compile(r)
	}
}

func (n *step) compile(r Ref) {
	m := n.Made[r]
	m.Compiling = true
	n.Made[r] = m
	n.do(Compile{r})
}

func (n *step) compiled(e Compiled) {
	m, there := n.Made[e.Ref]
	if !there || !m.Compiling {
		return
	}
	m.Compiling = false
	n.Made[e.Ref] = m
	switch {
	case e.Ref == n.Next && e.Failed == nil:
		n.Next = 0
		n.swap(e.Ref, Ready)
		n.Update = n.problemBefore(m.Candidate)
	case e.Ref == n.Next:
		n.Next = 0
		n.reject(m.Fingerprint, *e.Failed)
		n.freeIfIdle(e.Ref)
	default:
		if e.Failed == nil {
			n.worked(e.Ref)
		} else if e.Final {
			n.refused(e.Ref, *e.Failed)
		}
		n.freeIfIdle(e.Ref)
	}
}

// serves reports whether calls go to a version, or to a clone of it.
func (n *step) serves(r Ref) bool {
	m, there := n.Made[r]
	return there && n.runs(n.Current, m.Candidate)
}

func (n *step) checked(r Ref) {
	if m, there := n.Made[r]; there {
		m.Verified = true
		n.Made[r] = m
	}
	if n.serves(r) && n.Status.Phase == Installed {
		n.become(Verified, n.Status.Version, "")
	}
}

func (n *step) worked(r Ref) {
	if n.serves(r) && (n.Status.Phase == Installed || n.Status.Phase == Verified) {
		n.become(Ready, n.Status.Version, "")
	}
}

// refused takes a version that cannot run out of its place.
func (n *step) refused(r Ref, why Update) {
	if !n.serves(r) {
		return
	}
	ran := n.Current
	n.Current = 0
	n.do(Serve{0})
	n.reject(n.Made[ran].Fingerprint, why)
	n.fail(why)
	n.drain(ran, "", 0)
}
