//go:build !wasip1

package sdktest

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// ofRuns begins what the test host calls runs.
const ofRuns = "plugin:test:"

func (h *Host) agentRun(request *wit.AgentRequest) (*wit.AgentStarted, error) {
	if err := request.Validate(); err != nil {
		return nil, err
	}
	if h.asked(request.IdempotencyKey) < 0 {
		h.Runs = append(h.Runs, *request)
	}
	return &wit.AgentStarted{Run: ofRuns + request.IdempotencyKey}, nil
}

func (h *Host) agentWait(query *wit.RunQuery) (*wit.RunOutcome, error) {
	key, ok := strings.CutPrefix(query.Run, ofRuns)
	if !ok || h.asked(key) < 0 {
		return nil, wit.Errorf(wit.CodeNotFound, "the plugin has no run %s", query.Run)
	}
	outcome := &wit.RunOutcome{Run: query.Run, State: wit.RunStateRunning}
	if answer, ended := h.Answers[key]; ended {
		outcome.State, outcome.Text = wit.RunStateDone, answer
	}
	return outcome, nil
}

func (h *Host) asked(key string) int {
	return slices.IndexFunc(h.Runs, func(r wit.AgentRequest) bool { return r.IdempotencyKey == key })
}
