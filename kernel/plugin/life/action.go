package life

import "fmt"

// Action is something that has to be done: one of the types below.
type Action interface {
	fmt.Stringer
	action()
}

type (
	// Try makes a version of a candidate, if it may run, and verifies its code where Verify is set. Tried
	// has to follow; nothing is made when it fails.
	Try Trial
	// Clone makes To, a version of the same code as From that has not been called yet.
	Clone struct{ From, To Ref }
	// Serve sends all further calls to a version, or nowhere.
	Serve struct{ Ref Ref }
	// Inherit closes those connections of earlier versions that a version may not have.
	Inherit struct{ Ref Ref }
	// Announce tells everybody.
	Announce struct {
		Phase    Phase
		Version  string
		Reason   string
		Previous string
	}
	// Compile makes machine code in the background. Compiled has to follow.
	Compile struct{ Ref Ref }
	// Disconnect closes the connections that a version opened.
	Disconnect struct{ Ref Ref }
	// Drain waits for a version's calls in the background. Drained has to follow. Heir, if any, goes on
	// from its figures.
	Drain struct{ Ref, Heir Ref }
	// Free gives a version's code back.
	Free struct{ Ref Ref }
	// Forget drops what is kept of a plugin that is gone, and what it has going. It comes once no package of the
	// plugin is there and its last version has been drained, and not for one that is disabled, failed or replaced.
	Forget struct{}
)

func (Try) action()        {}
func (Clone) action()      {}
func (Serve) action()      {}
func (Inherit) action()    {}
func (Announce) action()   {}
func (Compile) action()    {}
func (Disconnect) action() {}
func (Drain) action()      {}
func (Free) action()       {}
func (Forget) action()     {}

func (a Try) String() string {
	if a.Verify {
		return fmt.Sprintf("try %d %s, verify", a.Ref, a.Fingerprint)
	}
	return fmt.Sprintf("try %d %s", a.Ref, a.Fingerprint)
}

func (a Clone) String() string   { return fmt.Sprintf("clone %d to %d", a.From, a.To) }
func (a Serve) String() string   { return fmt.Sprintf("serve %d", a.Ref) }
func (a Inherit) String() string { return fmt.Sprintf("inherit %d", a.Ref) }

func (a Announce) String() string {
	text := fmt.Sprintf("say %s %s", a.Phase, a.Version)
	if a.Previous != "" {
		text += " after " + a.Previous
	}
	if a.Reason != "" {
		text += " (" + a.Reason + ")"
	}
	return text
}

func (a Compile) String() string    { return fmt.Sprintf("compile %d", a.Ref) }
func (a Disconnect) String() string { return fmt.Sprintf("disconnect %d", a.Ref) }

func (a Drain) String() string {
	if a.Heir != 0 {
		return fmt.Sprintf("drain %d for %d", a.Ref, a.Heir)
	}
	return fmt.Sprintf("drain %d", a.Ref)
}

func (a Free) String() string { return fmt.Sprintf("free %d", a.Ref) }
func (Forget) String() string { return "forget" }
