package chat

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// ModelsTestParams name a model, or an agent whose models are meant; neither is the default one.
type ModelsTestParams struct {
	// Model is provider/model, a provider or an alias.
	Model   string `json:"model,omitempty" rpc:"min=1,max=200"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1,max=64"`
}

// ModelsTestResult is what became of it, for each model and each of its keys.
type ModelsTestResult struct {
	// OK says that all of them answer.
	OK     bool         `json:"ok"`
	Trials []ModelTrial `json:"trials"`
}

// ModelTrial is what became of a model that was asked by one key.
type ModelTrial struct {
	// Model is provider/model.
	Model string `json:"model"`
	Key   string `json:"key"`
	// KeyStatus is ok, refused, or unknown where the model has not answered for another reason.
	KeyStatus string `json:"keyStatus"`
	Answers   bool   `json:"answers"`
	// FirstMs is after how many milliseconds the answer began.
	FirstMs int64 `json:"firstMs,omitempty"`
	// Tools says whether the model has called a tool as it was told to.
	Tools bool `json:"tools"`
	// Problem is why it has not answered, and ToolsProblem why it has not called the tool.
	Problem      string `json:"problem,omitempty"`
	ToolsProblem string `json:"toolsProblem,omitempty"`
}

// testModels asks for real, which costs a few tokens.
func (s *Service) testModels(ctx context.Context, p ModelsTestParams) (ModelsTestResult, error) {
	res := ModelsTestResult{OK: true, Trials: []ModelTrial{}}
	id, err := s.sessions.Settings().Agent(p.AgentID)
	if err != nil {
		return res, err
	}
	if p.Model != "" {
		if p.Model, err = s.models.Check(ctx, p.Model); err != nil {
			return res, err
		}
	}
	list, err := s.models.Try(ctx, p.Model, id)
	for _, t := range list {
		one := ModelTrial{Model: t.Model, Key: t.Key, KeyStatus: "ok", Answers: t.Answers, FirstMs: t.First.Milliseconds(), Tools: t.Tools}
		if t.Answer != nil {
			one.KeyStatus, one.Problem = keyVerdict(t.Answer.Code), t.Answer.Message
		}
		if t.Call != nil {
			one.ToolsProblem = t.Call.Message
		}
		res.OK = res.OK && t.Answers
		res.Trials = append(res.Trials, one)
	}
	return res, err
}

// keyVerdict is what an error says of the key.
func keyVerdict(code wit.Code) string {
	switch code {
	case wit.CodeUnauthorized, wit.CodeForbidden:
		return "refused"
	case wit.CodeRateLimited, wit.CodeNotFound, wit.CodeTooLarge:
		return "ok" // it was let in
	}
	return "unknown"
}
