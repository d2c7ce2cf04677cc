package life

// swap makes a version the current one. The one before is drained and kept for a rollback.
func (n *step) swap(r Ref, p Phase) {
	old := n.Current
	before, now := n.Made[old].Version, n.Made[r].Version
	n.Current = r
	n.do(Serve{r}, Inherit{r})
	n.keep(old)
	n.Status = Status{Phase: p, Version: now, Path: n.Made[r].Path}
	n.do(Announce{Phase: p, Version: now, Previous: before})
	if old != 0 {
		n.do(Announce{Phase: Draining, Version: before, Reason: ReasonReplaced})
		n.drain(old, ReasonReplaced, 0)
	}
}

// keep makes a version the one for a rollback, in the place of the one that was.
func (n *step) keep(r Ref) {
	dropped := n.Previous
	n.Previous = r
	n.freeIfIdle(dropped)
}

func (n *step) dropNext() {
	dropped := n.Next
	n.Next = 0
	n.freeIfIdle(dropped)
}

// drain lets a version end its calls; reason is given when it has, if any.
func (n *step) drain(r Ref, reason string, heir Ref) {
	m := n.Made[r]
	m.Draining, m.Farewell = true, reason
	n.Made[r] = m
	n.do(Drain{Ref: r, Heir: heir})
}

// freeIfIdle frees a version that nothing needs any more.
func (n *step) freeIfIdle(r Ref) {
	m, there := n.Made[r]
	if !there || m.Compiling || m.Draining || r == n.Current || r == n.Next || r == n.Previous {
		return
	}
	delete(n.Made, r)
	n.do(Free{r})
}

// clear takes everything out of its place and returns what ran.
func (n *step) clear() (ran Ref) {
	ran = n.Current
	n.abandon()
	n.Current, n.Candidates = 0, nil
	if ran != 0 {
		n.do(Serve{0})
	}
	n.dropNext()
	n.keep(0)
	return ran
}

func (n *step) drained(e Drained) {
	m, there := n.Made[e.Ref]
	if !there || !m.Draining {
		return
	}
	m.Draining = false
	n.Made[e.Ref] = m
	n.freeIfIdle(e.Ref)
	switch m.Farewell {
	case ReasonReplaced:
		n.do(Announce{Phase: Stopped, Version: m.Version, Reason: ReasonReplaced})
	case ReasonRemoved:
		if n.Current == 0 && n.Status.Phase == Draining && !n.Closed {
			n.forget(m.Version)
		}
	case ReasonStopping:
		n.become(Stopped, m.Version, ReasonStopping)
	}
}

func (n *step) forget(version string) {
	n.do(Forget{})
	n.become(Stopped, version, ReasonRemoved)
	n.Status, n.Update, n.Rejected = Status{}, nil, nil
}

func (n *step) gone() {
	if n.Closed || n.Status.Phase == "" && n.Trying.Ref == 0 {
		return
	}
	ran := n.clear()
	switch {
	case ran != 0:
		n.become(Draining, n.Made[ran].Version, ReasonRemoved)
		n.drain(ran, ReasonRemoved, 0)
	case n.Status.Phase != Draining:
		n.forget("")
	}
}

func (n *step) disabled(e Disabled) {
	if n.Closed {
		return
	}
	ran := n.clear()
	if e.Why != nil || len(n.Rejected) == 0 { // what else was put off is found again
		n.Update = e.Why
	}
	if e.Why != nil {
		n.become(Failed, e.Why.Version, e.Why.Reason)
		n.fail(*e.Why)
	} else {
		n.become(Stopped, e.Candidate.Version, ReasonDisabled)
		n.Status.Path = e.Candidate.Path
	}
	if ran != 0 {
		n.do(Disconnect{ran})
		n.drain(ran, "", 0)
	}
}

// revoked takes what runs out of its place with all that it has open, and keeps no version for a rollback.
func (n *step) revoked(why Update) {
	if n.Closed || n.Current == 0 {
		return
	}
	ran := n.clear()
	n.reject(n.Made[ran].Fingerprint, why)
	n.fail(why)
	n.do(Disconnect{ran})
	n.drain(ran, "", 0)
}

// reconfigured makes instances start anew with their configuration.
func (n *step) reconfigured(e Reconfigured) {
	if n.Closed || n.Current == 0 || !e.Started {
		return
	}
	old := n.Current
	n.Current = n.renew(old)
	n.do(Serve{n.Current})
	n.drain(old, "", n.Current)
}

// renew makes a version of the same code.
func (n *step) renew(from Ref) Ref {
	n.Last++
	n.Made[n.Last] = Made{Candidate: n.Made[from].Candidate, Verified: n.Made[from].Verified}
	n.do(Clone{From: from, To: n.Last})
	return n.Last
}

// rollBack puts the previous version back, and keeps what replaced it from being tried again. What is being
// prepared goes on: it is newer than both.
func (n *step) rollBack(e RollBack) {
	if !n.CanRollBack() {
		return
	}
	bad, old := n.Current, n.Previous
	u := Update{Version: n.Made[bad].Version, Path: n.Made[bad].Path, Reason: e.Reason, Hint: "the earlier version runs: correct the new one and install it again"}
	anew := n.renew(old)
	n.reject(n.Made[bad].Fingerprint, u)
	if n.Made[anew].Verified {
		n.swap(anew, Ready)
	} else {
		n.swap(anew, Installed) // it was replaced before anybody called it
	}
	n.keep(0)
}

// stopping drains what runs, for good.
func (n *step) stopping() {
	if n.Closed {
		return
	}
	ran := n.clear()
	n.Closed = true
	if ran != 0 {
		n.become(Draining, n.Made[ran].Version, ReasonStopping)
		n.drain(ran, ReasonStopping, 0)
	}
}
