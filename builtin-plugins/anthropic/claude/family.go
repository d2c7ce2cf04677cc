// Package claude is what is known of Anthropic's models by their names, and how each is told to think. It is for all plugins
// through which these models are reached: each server spells a request in its own way, and the models want the same.
package claude

import (
	"strconv"
	"strings"
)

// Mode is how a model is told to think.
type Mode int

// The modes.
const (
	Never     Mode = iota // it cannot
	Budget                // with a number of tokens
	Adaptive              // as much as it likes; not unless it is told to
	ByDefault             // likewise, unless it is told not to
	Always                // likewise, and it cannot be told not to
)

// Family is what is known of models by their names: a request has to say how long an answer may be, and has not been told
// what the list of models says. See platform.claude.com/docs, the models' overviews and migration guides.
type Family struct {
	lines string // of models; empty is any
	from  int    // the first version, 45 for 4.5

	Context, Output int64 // tokens; a Context of 0 is not known
	Thinking        Mode
	Effort          bool // knows output_config.effort
	Samples         bool // takes a temperature
	Formats         bool // keeps to a JSON Schema
	Interleaves     bool // thinks between the calls of tools, if a beta is named
	// Bound: thinking belongs to all that stood before it, and is refused after something else.
	Bound bool
}

const (
	million  = 1_000_000
	thousand = 1000
)

// families are the newest first: a model is of the first one that it fits.
var families = [...]Family{
	{lines: "fable mythos", from: 51, Context: million, Output: 128 * thousand, Thinking: Always, Effort: true, Formats: true, Bound: true},
	{lines: "fable mythos", Context: million, Output: 128 * thousand, Thinking: Always, Effort: true, Formats: true},
	{lines: "opus", from: 55, Context: million, Output: 128 * thousand, Thinking: Always, Effort: true, Formats: true, Bound: true},
	{from: 55, Context: million, Output: 128 * thousand, Thinking: ByDefault, Effort: true, Formats: true, Bound: true},
	{from: 50, Context: million, Output: 128 * thousand, Thinking: ByDefault, Effort: true, Formats: true},
	{from: 47, Context: million, Output: 128 * thousand, Thinking: Adaptive, Effort: true, Formats: true},
	{lines: "opus", from: 46, Context: million, Output: 128 * thousand, Thinking: Adaptive, Effort: true, Samples: true, Formats: true},
	{from: 46, Context: million, Output: 64 * thousand, Thinking: Adaptive, Effort: true, Samples: true, Formats: true},
	{lines: "opus", from: 45, Context: 200 * thousand, Output: 64 * thousand, Thinking: Budget, Effort: true, Samples: true, Formats: true, Interleaves: true},
	{from: 45, Context: 200 * thousand, Output: 64 * thousand, Thinking: Budget, Samples: true, Formats: true, Interleaves: true},
	{lines: "opus", from: 40, Context: 200 * thousand, Output: 32 * thousand, Thinking: Budget, Samples: true, Interleaves: true},
	{from: 40, Context: 200 * thousand, Output: 64 * thousand, Thinking: Budget, Samples: true, Interleaves: true},
	{from: 37, Context: 200 * thousand, Output: 64 * thousand, Thinking: Budget, Samples: true},
	{from: 35, Context: 200 * thousand, Output: 8192, Samples: true},
	{Context: 200 * thousand, Output: 4096, Samples: true},
}

// Stranger is a model of somebody else.
var Stranger = Family{Output: 8192, Thinking: Budget, Samples: true}

// Forced reports whether a model may be told which tool to call.
func (f *Family) Forced() bool { return f.Thinking != Always }

// Longest is how long an answer may become where nobody has said it. An answer has a quarter of what the model reads, as
// much as the gateway leaves free for it: older models refuse a request in which both together are more.
func (f *Family) Longest() int64 {
	if f.Context == 0 {
		return f.Output
	}
	return min(f.Output, f.Context/4)
}

// Of is what is known of a model. For one that is no Claude it is &Stranger.
func Of(model string) *Family {
	line, version := nameOf(model)
	if line == "" {
		return &Stranger
	}
	for i := range families {
		f := &families[i]
		if version >= f.from && (f.lines == "" || strings.Contains(f.lines, line)) {
			return f
		}
	}
	return &Stranger // not reached: the last one fits all
}

// newest is the version of a model that does not say which one it is.
const newest = 99

// nameOf reads the names that models have had, with what clouds put around them:
//
//	claude-opus-5-5    claude-3-5-sonnet-20241022    anthropic.claude-opus-4-6-v1    claude-sonnet-4-5@20250929
//
// line is empty for a model that is no Claude.
func nameOf(model string) (line string, version int) {
	_, rest, ok := strings.Cut(strings.ToLower(model), "claude-")
	if !ok {
		return "", 0
	}
	line = "claude"
	var numbers []int
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("-.@:_", r) }) {
		n, err := strconv.Atoi(word)
		switch {
		case err == nil && len(word) <= 2 && len(numbers) < 2:
			numbers = append(numbers, n)
		case err != nil && line == "claude":
			line = word
		}
	}
	switch len(numbers) {
	case 0:
		return line, newest
	case 1:
		return line, numbers[0] * 10
	}
	return line, numbers[0]*10 + min(numbers[1], 9)
}
