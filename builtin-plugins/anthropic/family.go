package anthropic

import (
	"strconv"
	"strings"
)

// mode is how a model is told to think.
type mode int

const (
	never     mode = iota // it cannot
	budget                // with a number of tokens
	adaptive              // as much as it likes; not unless it is told to
	byDefault             // likewise, unless it is told not to
	always                // likewise, and it cannot be told not to
)

// family is what is known of models by their names: a request has to say how long an answer may be, and has not been told
// what the list of models says. See platform.claude.com/docs, the models' overviews and migration guides.
type family struct {
	lines string // of models; empty is any
	from  int    // the first version, 45 for 4.5

	context, output int64 // tokens
	thinking        mode
	effort          bool // knows output_config.effort
	samples         bool // takes a temperature
	formats         bool // keeps to a JSON Schema
	interleaves     bool // thinks between the calls of tools, if a beta is named
	// bound: thinking belongs to all that stood before it, and is refused after something else.
	bound bool
}

const (
	million  = 1_000_000
	thousand = 1000
)

// families are the newest first: a model is of the first one that it fits.
var families = [...]family{
	{lines: "fable mythos", from: 51, context: million, output: 128 * thousand, thinking: always, effort: true, formats: true, bound: true},
	{lines: "fable mythos", context: million, output: 128 * thousand, thinking: always, effort: true, formats: true},
	{lines: "opus", from: 55, context: million, output: 128 * thousand, thinking: always, effort: true, formats: true, bound: true},
	{from: 55, context: million, output: 128 * thousand, thinking: byDefault, effort: true, formats: true, bound: true},
	{from: 50, context: million, output: 128 * thousand, thinking: byDefault, effort: true, formats: true},
	{from: 47, context: million, output: 128 * thousand, thinking: adaptive, effort: true, formats: true},
	{lines: "opus", from: 46, context: million, output: 128 * thousand, thinking: adaptive, effort: true, samples: true, formats: true},
	{from: 46, context: million, output: 64 * thousand, thinking: adaptive, effort: true, samples: true, formats: true},
	{lines: "opus", from: 45, context: 200 * thousand, output: 64 * thousand, thinking: budget, effort: true, samples: true, formats: true, interleaves: true},
	{from: 45, context: 200 * thousand, output: 64 * thousand, thinking: budget, samples: true, formats: true, interleaves: true},
	{lines: "opus", from: 40, context: 200 * thousand, output: 32 * thousand, thinking: budget, samples: true, interleaves: true},
	{from: 40, context: 200 * thousand, output: 64 * thousand, thinking: budget, samples: true, interleaves: true},
	{from: 37, context: 200 * thousand, output: 64 * thousand, thinking: budget, samples: true},
	{from: 35, context: 200 * thousand, output: 8192, samples: true},
	{context: 200 * thousand, output: 4096, samples: true},
}

// stranger is a model of somebody else, behind a server that speaks the Messages API.
var stranger = family{output: 8192, thinking: budget, samples: true}

// forced reports whether a model may be told which tool to call.
func (f *family) forced() bool { return f.thinking != always }

// longest is how long an answer may become where nobody has said it. An answer has a quarter of what the model reads, as
// much as the gateway leaves free for it: older models refuse a request in which both together are more.
func (f *family) longest() int64 {
	if f.context == 0 {
		return f.output
	}
	return min(f.output, f.context/4)
}

// familyOf is what is known of a model.
func familyOf(model string) *family {
	line, version := nameOf(model)
	if line == "" {
		return &stranger
	}
	for i := range families {
		f := &families[i]
		if version >= f.from && (f.lines == "" || strings.Contains(f.lines, line)) {
			return f
		}
	}
	return &stranger // not reached: the last one fits all
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
