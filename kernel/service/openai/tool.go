package openai

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// chatTool is a tool that a request brings.
type chatTool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// functions reads the tools of a request.
func functions(tools []chatTool) (out []wit.ToolSpec, err error) {
	if len(tools) > maxTools {
		return nil, wrong("tools", "a request may have %d tools", maxTools)
	}
	for i, t := range tools {
		field := fmt.Sprintf("tools[%d]", i)
		if t.Type != "function" {
			return nil, wrong(field, "%s: tools of the type %.40q are not known here: function is", field, t.Type)
		}
		spec, err := t.Function.spec(field)
		if err != nil {
			return nil, err
		}
		out = append(out, spec)
	}
	return out, nil
}

func (f function) spec(field string) (wit.ToolSpec, error) {
	var object map[string]json.RawMessage
	switch {
	case !functionName.MatchString(f.Name):
		return wit.ToolSpec{}, wrong(field, "%s: the name %.80q is not one of 1 to 64 letters, digits, _ and -", field, f.Name)
	case len(f.Parameters) == 0 || string(f.Parameters) == "null":
		f.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
	case json.Unmarshal(f.Parameters, &object) != nil:
		return wit.ToolSpec{}, wrong(field, "%s: parameters is a JSON Schema", field)
	}
	return wit.ToolSpec{Name: f.Name, Description: f.Description, Parameters: wit.JSON(f.Parameters)}, nil
}

// toolChoice is what a request says of the use of its tools, where it says more than a word.
type toolChoice struct {
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Function function `json:"function"`
}

// choose heeds what a request says of tools. Nothing makes a model call one, so it is told in words.
func choose(r *run.Run, raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var word string
	var c toolChoice
	if json.Unmarshal(raw, &word) != nil {
		if json.Unmarshal(raw, &c) != nil || c.Type != "function" {
			return wrong("tool_choice", "tool_choice is none, auto, required or a function")
		}
		word = "function"
		if c.Name == "" {
			c.Name = c.Function.Name
		}
	}
	var told string
	switch word {
	case "auto":
		return nil
	case "none":
		r.Tools, r.Terms.Functions = []string{}, nil
		return nil
	case "required":
		told = "Answer by calling one of your tools; do not answer in words."
	case "function":
		told = "Answer by calling the tool " + c.Name + "; do not answer in words."
	default:
		return wrong("tool_choice", "tool_choice is none, auto, required or a function")
	}
	switch {
	case len(r.Terms.Functions) == 0:
		return wrong("tool_choice", "tool_choice needs tools")
	case word == "function" && !r.Terms.Function(c.Name):
		return wrong("tool_choice", "tool_choice names %.80q, which is not among the tools", c.Name)
	case answersTool(r):
		return nil // it has been called, and the model is to go on
	}
	r.System = strings.TrimSpace(r.System + "\n\n" + told)
	return nil
}

// answersTool reports whether a request has the results of calls and nothing else to say.
func answersTool(r *run.Run) bool { return !r.Asks() }
