package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// There are as many events as words, so the fields of each are found in one go.

// event has the fields of an event, or of a choice in one, that mean something here; those that are not there are absent.
type event struct {
	choices, usage, groq, model   json.Value // of an event
	index, message, delta, reason json.Value // of a choice
	problem, kind, object, detail json.Value // of a failure
	problems                      json.Value // a list of them
}

func readEvent(of json.Value) (e event) {
	for name, field := range of.Fields() {
		switch name {
		case "choices":
			e.choices = field
		case "usage":
			e.usage = field
		case "x_groq":
			e.groq = field
		case "model":
			e.model = field
		case "index":
			e.index = field
		case "message":
			e.message = field
		case "delta":
			e.delta = field
		case "finish_reason":
			e.reason = field
		case "error":
			e.problem = field
		case "type":
			e.kind = field
		case "object":
			e.object = field
		case "errors":
			e.problems = field
		case "detail":
			e.detail = field
		default:
			if strings.HasSuffix(name, "Exception") { // AWS, by the name of what went wrong
				e.problem = field
			}
		}
	}
	return e
}

// failed reports whether it says that something went wrong.
func (e *event) failed() bool {
	return e.problem.IsObject() || e.problem.IsText() && e.problem.Text() != "" ||
		e.kind.Text() == "error" || e.object.Text() == "error" ||
		!e.choices.Exists() && (e.detail.Exists() || e.problems.IsArray() || e.message.IsText() && e.message.Text() != "")
}

// piece has the fields of a piece of a message.
type piece struct {
	content, refusal, calls json.Value
	function                json.Value // what a call was before there were tools
	thinking                [len(thinkingFields)]json.Value
	details                 json.Value
	images                  json.Value
	signed                  bool // it has one of the fields that go back as they came
	fields                  int  // how many there are, but for the role
}

// thinkingFields are the fields that servers give the model's thinking in.
var thinkingFields = [...]string{"reasoning_content", "reasoning", "thinking"}

// detailsField is a list of parts of thinking, which some servers give beside it, and some alone.
const detailsField = "reasoning_details"

func readPiece(of json.Value) (p piece) {
	for name, field := range of.Fields() {
		if field.Exists() && name != "role" {
			p.fields++
		}
		switch name {
		case "content":
			p.content = field
		case "refusal":
			p.refusal = field
		case "tool_calls":
			p.calls = field
		case thinkingFields[0]:
			p.thinking[0] = field
		case thinkingFields[1]:
			p.thinking[1] = field
		case thinkingFields[2]:
			p.thinking[2] = field
		case "function_call":
			p.function = field
		case detailsField:
			p.details = field
		case "images":
			p.images = field
		case signed[0], signed[1], signed[2]:
			p.signed = true
		}
	}
	return p
}
