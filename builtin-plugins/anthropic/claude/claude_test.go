package claude_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/claude"
	"github.com/carapace-gateway/carapace/wit"
)

// TestNames: a model is known by its name, whatever a cloud puts around it.
func TestNames(t *testing.T) {
	for name, want := range map[string]claude.Family{
		"claude-opus-5-5":                                                            {Thinking: claude.Always, Output: 128_000, Effort: true, Bound: true},
		"global.anthropic.claude-sonnet-5-5":                                         {Thinking: claude.ByDefault, Output: 128_000, Effort: true, Bound: true},
		"us.anthropic.claude-sonnet-5":                                               {Thinking: claude.ByDefault, Output: 128_000, Effort: true},
		"anthropic.claude-fable-5":                                                   {Thinking: claude.Always, Output: 128_000, Effort: true},
		"anthropic.claude-opus-4-7":                                                  {Thinking: claude.Adaptive, Output: 128_000, Effort: true},
		"anthropic.claude-opus-4-6-v1":                                               {Thinking: claude.Adaptive, Output: 128_000, Effort: true, Samples: true},
		"us.anthropic.claude-sonnet-4-6":                                             {Thinking: claude.Adaptive, Output: 64_000, Effort: true, Samples: true},
		"claude-sonnet-4-5@20250929":                                                 {Thinking: claude.Budget, Output: 64_000, Samples: true},
		"apac.anthropic.claude-sonnet-4-20250514-v1:0":                               {Thinking: claude.Budget, Output: 64_000, Samples: true},
		"us.anthropic.claude-opus-4-1-20250805-v1:0":                                 {Thinking: claude.Budget, Output: 32_000, Samples: true},
		"us.anthropic.claude-3-7-sonnet-20250219-v1:0":                               {Thinking: claude.Budget, Output: 64_000, Samples: true},
		"anthropic.claude-3-5-sonnet-20241022-v2:0":                                  {Output: 8192, Samples: true},
		"anthropic.claude-3-opus-20240229-v1:0":                                      {Output: 4096, Samples: true},
		"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-7": {Thinking: claude.Adaptive, Output: 128_000, Effort: true},
		"us.amazon.nova-pro-v1:0":                                                    claude.Stranger,
	} {
		f := claude.Of(name)
		if got := (claude.Family{Thinking: f.Thinking, Output: f.Output, Effort: f.Effort, Samples: f.Samples, Bound: f.Bound}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestLength: what is thought counts, and no answer is to be longer than a model writes.
func TestLength(t *testing.T) {
	f := claude.Of("claude-sonnet-4-5")
	none := func(*wit.ChatTurn) bool { return false }
	thought := f.Thought(&wit.Chat{Thinking: "low"}, false, none)
	for tokens, want := range map[int64]int64{50: 2098, f.Longest(): 52_048, 100_000: 64_000} {
		if got := f.Length(tokens, &thought); got != want {
			t.Errorf("%d: %d, want %d", tokens, got, want)
		}
	}
	if f.Temperature(&thought) || !f.Temperature(&claude.Thought{}) || claude.Of("claude-opus-4-7").Temperature(&claude.Thought{}) {
		t.Error("a temperature beside thinking, or of a model that takes none")
	}
}
