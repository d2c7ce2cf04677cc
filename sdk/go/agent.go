package sdk

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// RunAgent asks one of the owner's agents, and returns what the run is called without waiting for it. The same
// IdempotencyKey again is the same run, so whatever is repeated after a crash asks once. Permission `agentRun`.
func (h *Host) RunAgent(request *wit.AgentRequest) (run string, err error) {
	var started wit.AgentStarted
	err = call(h, agentRun, request, &started)
	return started.Run, err
}

// WaitForRun tells how a run stands that RunAgent has returned, when it has ended or the wait is over; with 0 at once.
// It counts for the deadline of the plugin's call: see the manifest's limits. A run that has not ended by then is no
// error.
func (h *Host) WaitForRun(run string, wait time.Duration) (*wit.RunOutcome, error) {
	outcome := new(wit.RunOutcome)
	if err := call(h, agentWait, &wit.RunQuery{Run: run, Wait: wait.Milliseconds()}, outcome); err != nil {
		return nil, err
	}
	return outcome, nil
}
