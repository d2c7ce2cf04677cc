package schedule

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is kept.
const (
	MaxJobs    = 1000   // per owner, unless its Handler says otherwise
	MaxRuns    = 200    // history per job
	MaxAllRuns = 20_000 // history per owner
	MaxName    = 256
	MaxPayload = 64 << 10
	MaxGone    = 100 // jobs per owner that have removed themselves and whose history is kept
	maxSummary = 4 << 10
	maxDetails = 4 << 10
	// maxAttempts is how often an interrupted run is called, the first time included.
	maxAttempts = 3
)

// Owner is whose jobs they are: a kind, or a kind and an id after a colon.
type Owner string

// Kind is the part that selects the handler.
func (o Owner) Kind() string {
	kind, _, _ := strings.Cut(string(o), ":")
	return kind
}

// Status says how a run ended.
type Status string

// The ways in which a run ends.
const (
	OK      Status = "ok"
	Failed  Status = "error"
	Skipped Status = "skipped"
)

// Job is something to be done at its times. All times are Unix milliseconds, 0 is none.
type Job struct {
	ID      string `json:"id"`
	Owner   Owner  `json:"owner"`
	Name    string `json:"name,omitempty"`
	Enabled bool   `json:"enabled"`
	Spec    Spec   `json:"spec"`
	// Payload is the handler's.
	Payload json.RawMessage `json:"payload,omitempty"`
	Policy  Policy          `json:"policy,omitzero"`
	// DeleteAfterRun removes a one-shot once it has run well; its history stays for a while.
	DeleteAfterRun bool  `json:"deleteAfterRun,omitempty"`
	CreatedAt      int64 `json:"createdAt"`
	UpdatedAt      int64 `json:"updatedAt"`
	State          State `json:"state"`
}

// State is what the scheduler knows about a job; only it changes it.
type State struct {
	NextRunAt    int64  `json:"nextRunAt,omitempty"`
	RunningAt    int64  `json:"runningAt,omitempty"`
	LastRunAt    int64  `json:"lastRunAt,omitempty"`
	LastStatus   Status `json:"lastStatus,omitempty"`
	LastError    string `json:"lastError,omitempty"`
	LastDuration int64  `json:"lastDuration,omitempty"`
	// Failures is how many runs in a row have failed.
	Failures int `json:"failures,omitempty"`
	// Memory is the handler's: what a run has left for the next one.
	Memory json.RawMessage `json:"memory,omitempty"`
	// LastDue is the latest due time that was claimed.
	LastDue int64 `json:"lastDue,omitempty"`
	// Firing is the run that is going on, or was when the gateway stopped.
	Firing *Firing `json:"firing,omitempty"`
	// Runs counts the records of history ever written.
	Runs uint64 `json:"runs,omitempty"`
}

// Firing is one call of a handler.
type Firing struct {
	Job Job `json:"-"`
	// Due is the time for which it is called.
	Due int64 `json:"due"`
	// Key is the same for each call for one due time, and for no other: the idempotency key of what
	// the handler starts.
	Key string `json:"key"`
	// Attempt is 1, and more for a run that was interrupted.
	Attempt int `json:"attempt"`
	// Forced is a run out of turn.
	Forced bool `json:"forced,omitempty"`
}

// Run is a record of history.
type Run struct {
	Due       int64  `json:"due"`
	StartedAt int64  `json:"startedAt"`
	Duration  int64  `json:"duration"`
	Status    Status `json:"status"`
	Error     string `json:"error,omitempty"`
	Summary   string `json:"summary,omitempty"`
	NextRunAt int64  `json:"nextRunAt,omitempty"`
	Key       string `json:"key"`
	Forced    bool   `json:"forced,omitempty"`
	// Details is the handler's.
	Details json.RawMessage `json:"details,omitempty"`
}

// Action says what happened to a job.
type Action string

// What can happen to a job.
const (
	Added    Action = "added"
	Updated  Action = "updated"
	Removed  Action = "removed"
	Started  Action = "started"
	Finished Action = "finished"
)

// Change is news about a job, as it is after the change. Run is set when it started (as far as it is
// known then) or finished.
type Change struct {
	Action Action
	Job    Job
	Run    *Run
}

// check returns CodeInvalid or CodeTooLarge for a job that cannot be kept. It takes the time at which the
// job would begin and the zone of expressions without one, since a schedule that is never due is refused.
func (j Job) check(now time.Time, zone *time.Location) error {
	switch {
	case !printable(string(j.Owner), 1, 128):
		return wit.Errorf(wit.CodeInvalid, "%.40q cannot own jobs", string(j.Owner))
	case !printable(j.Name, 0, MaxName):
		return wit.Errorf(wit.CodeInvalid, "a job's name has at most %d bytes, all printable", MaxName)
	case len(j.Payload) > MaxPayload:
		return wit.Errorf(wit.CodeTooLarge, "a job's payload has %d bytes, at most %d fit", len(j.Payload), MaxPayload)
	case len(j.Payload) > 0 && !json.Valid(j.Payload):
		return wit.NewError(wit.CodeInvalid, "a job's payload must be JSON")
	}
	if err := checkID(j.ID); err != nil {
		return err
	}
	if err := j.Policy.check(); err != nil {
		return err
	}
	return j.Spec.check(now, zone)
}

// checkID refuses ids that could not be told apart in a key: NUL separates its parts.
func checkID(id string) error {
	if !printable(id, 1, 128) {
		return wit.Errorf(wit.CodeInvalid, "%.40q cannot be a job's id: use 1 to 128 printable bytes", id)
	}
	return nil
}

// printable reports whether text has so many bytes, is UTF-8 and has no control characters.
func printable(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func errNoJob(owner Owner, id string) error {
	return wit.Errorf(wit.CodeNotFound, "there is no job %q of %s: list the jobs", id, owner)
}
