package chat

import (
	"context"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/wit"
)

// ProbeParams name a provider, or one of its keys.
type ProbeParams struct {
	Provider string `json:"provider" rpc:"required,min=1,max=64"`
	// ProfileID is one of models.authStatus; all when left out.
	ProfileID string `json:"profileId,omitempty" rpc:"min=1,max=200"`
	// TimeoutMs bounds each answer, in milliseconds; 30,000 when left out.
	TimeoutMs int64  `json:"timeoutMs,omitempty" rpc:"min=1,max=120000"`
	AgentID   string `json:"agentId,omitempty" rpc:"min=1,max=64"`
}

// ProbeResult says of a provider what the first of its keys that works says, or the first.
type ProbeResult struct {
	Provider string `json:"provider"`
	ProbeVerdict
	Results []ProbeTarget `json:"results"`
}

// ProbeTarget is what became of a question by one key.
type ProbeTarget struct {
	ProfileID string `json:"profileId,omitempty"`
	Label     string `json:"label"`
	ProbeVerdict
}

// ProbeVerdict is what a key says.
type ProbeVerdict struct {
	Status string `json:"status" rpc:"enum=ok|auth|rate_limit|billing|timeout|format|unknown|no_model"`
	// LatencyMs is after how many milliseconds the answer began.
	LatencyMs int64  `json:"latencyMs,omitempty"`
	Error     string `json:"error,omitempty"`
}

const probeTime = 30 * time.Second

// probe asks a provider's default model something, by each of its keys, which costs a few tokens. Errors: CodeNotFound for a
// provider or a key that there is not.
func (s *Service) probe(ctx context.Context, p ProbeParams) (ProbeResult, error) {
	res := ProbeResult{Provider: p.Provider, Results: []ProbeTarget{}}
	if _, err := s.sessions.Settings().Agent(p.AgentID); err != nil {
		return res, err
	}
	patience := probeTime
	if p.TimeoutMs > 0 {
		patience = time.Duration(p.TimeoutMs) * time.Millisecond
	}
	list, err := s.models.Probe(ctx, p.Provider, strings.TrimPrefix(p.ProfileID, p.Provider+":"), patience)
	if err != nil {
		return res, err
	}
	for i, t := range list {
		one := ProbeTarget{ProfileID: p.Provider + ":" + t.Key, Label: t.Key, ProbeVerdict: verdict(t)}
		res.Results = append(res.Results, one)
		if i == 0 || one.Status == "ok" && res.Status != "ok" {
			res.ProbeVerdict = one.ProbeVerdict
		}
	}
	return res, nil
}

// verdict is a trial in the protocol's words.
func verdict(t agent.Trial) ProbeVerdict {
	if t.Answers {
		return ProbeVerdict{Status: "ok", LatencyMs: t.First.Milliseconds()}
	}
	status := "unknown"
	switch t.Answer.Code {
	case wit.CodeUnauthorized, wit.CodeForbidden:
		status = "auth"
	case wit.CodeRateLimited:
		status = "rate_limit"
	case wit.CodeTimeout:
		status = "timeout"
	case wit.CodeNotFound:
		status = "no_model"
	case wit.CodeInvalid, wit.CodeTooLarge:
		status = "format"
	}
	return ProbeVerdict{Status: status, Error: t.Answer.Message}
}
