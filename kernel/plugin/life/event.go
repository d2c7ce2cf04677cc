package life

// Event is something that happened to a plugin: one of the types below.
type Event interface{ event() }

type (
	// Found says that these packages, at least one, are there, the one that should run first. Live is set
	// while the gateway runs: what is new is verified before it is used.
	Found struct {
		Candidates []Candidate
		Live       bool
	}
	// Gone says that no package is there any more.
	Gone struct{}
	// Disabled says that the owner switched the plugin off, or else Why what they say of it cannot be used; this would run.
	Disabled struct {
		Candidate Candidate
		Why       *Update
	}
	// Granted says that the owner gave a candidate what it lacked. Found has to follow.
	Granted struct{ Fingerprint string }
	// Reconfigured says that the configuration changed. Started is set when the current version has
	// instances that know the old one.
	Reconfigured struct{ Started bool }
	// RollBack asks for the version before the current one.
	RollBack struct{ Reason string }
	// Stopping says that the gateway stops.
	Stopping struct{}

	// Tried is the outcome of Try. Unfinished is set when the package may still be in the middle of being
	// written; Failed when it cannot run, Passing when that may be otherwise the next time, as on a full disk.
	Tried struct {
		Ref        Ref
		Unfinished bool
		Failed     *Update
		Passing    bool
	}
	// Compiled is the outcome of Compile. Final is set when the code can never be compiled.
	Compiled struct {
		Ref    Ref
		Failed *Update
		Final  bool
	}
	// Drained says that a version has no calls any more.
	Drained struct{ Ref Ref }
	// Checked says that a call found a version's code to be what the manifest says.
	Checked struct{ Ref Ref }
	// Refused says that a version cannot run although it was put in its place.
	Refused struct {
		Ref Ref
		Why Update
	}
	// Revoked says that what was granted is taken back, from whatever runs. Found has to follow.
	Revoked struct{ Why Update }
	// Worked says that a version was compiled for a call, or has answered one.
	Worked struct{ Ref Ref }
)

func (Found) event()        {}
func (Gone) event()         {}
func (Disabled) event()     {}
func (Granted) event()      {}
func (Reconfigured) event() {}
func (RollBack) event()     {}
func (Stopping) event()     {}
func (Tried) event()        {}
func (Compiled) event()     {}
func (Drained) event()      {}
func (Checked) event()      {}
func (Refused) event()      {}
func (Revoked) event()      {}
func (Worked) event()       {}
