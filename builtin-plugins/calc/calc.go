// Package calc is a tool that works out arithmetic expressions exactly.
//
// Numbers are fractions of whole numbers of any length, so 0.1 + 0.2 is 0.3 and 1/3*3 is 1. Square roots are
// exact where they can be and good to 34 digits otherwise; other roots, sin, ln and their like are good to 15.
// All work is bounded: by the length of the expression, its depth, and the digits of any number on the way.
package calc

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// Tool has the tool calc. The zero value is ready to use.
type Tool struct{}

// New returns the tool.
func New() tool.Tool { return Tool{} }

// Invoke works out the argument `expression`. What is wrong with it is told to the model.
func (Tool) Invoke(_ *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	result, err := Evaluate(args.Get("expression").Text())
	if err != nil {
		return tool.Failed(err.Error()), nil
	}
	return tool.Text(result), nil
}

// Evaluate works out an expression and returns the result in decimal digits. Errors are `invalid` and
// begin with the position, counted from 1, of what is wrong.
func Evaluate(expression string) (string, error) {
	p := parser{scanner: scanner{text: expression}}
	value, err := p.parse()
	if err != nil {
		return "", err
	}
	return value.String(), nil
}
