package life

import (
	"maps"
	"slices"
)

// Phase is where a plugin stands.
type Phase string

const (
	Installed Phase = "installed" // its manifest is good; its code has not been looked at
	Verified  Phase = "verified"  // its code has what the manifest says
	Ready     Phase = "ready"     // it has been compiled
	Draining  Phase = "draining"  // it takes no further calls
	Stopped   Phase = "stopped"   // it is off, or gone
	Failed    Phase = "failed"    // it cannot run; the reason says why
)

// Reasons of a phase that nothing went wrong in.
const (
	ReasonDisabled = "disabled in the configuration"
	ReasonRemoved  = "removed"
	ReasonReplaced = "replaced"
	ReasonStopping = "the gateway stops"
)

// Ref names a version among those of its plugin; 0 is none. It is never used again.
type Ref int

// Candidate is a package that could run.
type Candidate struct {
	// Fingerprint changes whenever the manifest or the code does.
	Fingerprint string
	// Version is the manifest's, "" when it cannot be read.
	Version string
	// Path says where the package is, to people.
	Path string
}

// Made is a version that was made of a candidate and has not been freed.
type Made struct {
	Candidate
	// Verified is set once its code is known to be what the manifest says.
	Verified bool
	// Compiling is set until an event says how the compilation ended.
	Compiling bool
	// Draining is set until Drained.
	Draining bool
	// Farewell is the reason that is given when it has been drained, "" to say nothing.
	Farewell string
}

// Trial is a candidate that a version is being made of.
type Trial struct {
	Ref Ref
	Candidate
	Verify bool
}

// Update is a package that was not put in the place of what runs.
type Update struct {
	Version string `json:"version,omitempty"`
	Path    string `json:"path"`
	Reason  string `json:"reason"`
	Hint    string `json:"hint,omitempty"`
	// Lacking is what plugins.grant would give it: permissions, kinds and limits. Digest names the files that ask
	// for it.
	Lacking []string `json:"lacking,omitempty"`
	Digest  string   `json:"digest,omitempty"`
}

// Status is what people are told of a plugin.
type Status struct {
	Phase   Phase // "" while there is no such plugin
	Version string
	Reason  string
	Hint    string
	Path    string
}

// State is a plugin with its versions. The zero value is a plugin that has never been seen.
type State struct {
	Status Status
	// Update is a package that does not run in the place of the current one.
	Update *Update
	// Current takes the calls, Next is being compiled to replace it, Previous ran before it and is kept
	// for a rollback.
	Current, Next, Previous Ref
	Made                    map[Ref]Made
	// Rejected are candidates, by fingerprint, that are not tried again, and why.
	Rejected map[string]Update
	// Candidates were found last, the one that should run first; Trying is one that is being built.
	Candidates []Candidate
	Live       bool
	Trying     Trial
	// Abandoned are trials that something else overtook, until their outcome is known.
	Abandoned map[Ref]bool
	// Closed is set for good when the gateway stops.
	Closed bool
	// Last is the highest Ref that was given out.
	Last Ref
}

// CanRollBack reports whether RollBack would do anything.
func (s *State) CanRollBack() bool { return s.Current != 0 && s.Previous != 0 && !s.Closed }

// Done reports whether the plugin is unknown and nothing is left of it.
func (s *State) Done() bool {
	return s.Status.Phase == "" && len(s.Made) == 0 && s.Trying.Ref == 0 && len(s.Abandoned) == 0
}

func (s State) clone() State {
	s.Made, s.Rejected, s.Abandoned = maps.Clone(s.Made), maps.Clone(s.Rejected), maps.Clone(s.Abandoned)
	s.Candidates = slices.Clone(s.Candidates)
	return s
}
