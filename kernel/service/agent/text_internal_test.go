package agent

import (
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestArguments: an object, also one in a string; nothing is an empty one, and all else is none but can be kept.
func TestArguments(t *testing.T) {
	for raw, want := range map[string]struct {
		object string
		ok     bool
		kept   string
	}{
		"":            {"{}", true, "{}"},
		`{"a":1}`:     {`{"a":1}`, true, `{"a":1}`},
		`"{\"a\":1}"`: {`{"a":1}`, true, `"{\"a\":1}"`},
		`""`:          {"{}", true, `""`},
		`"null"`:      {"null", false, `"null"`},
		"null":        {"{}", true, "null"},
		"[1]":         {"[1]", false, "[1]"},
		`{"a":`:       {`{"a":`, false, `"{\"a\":"`},
		"\xff":        {"\xff", false, "\"\uFFFD\""},
	} {
		object, ok := arguments(wit.JSON(raw))
		if string(object) != want.object || ok != want.ok || string(valid(wit.JSON(raw))) != want.kept {
			t.Errorf("%q: %s, %t, kept as %s", raw, object, ok, valid(wit.JSON(raw)))
		}
	}
}

// TestPeople are called by their name, else by the name that they use, else by their id.
func TestPeople(t *testing.T) {
	for want, p := range map[string]wit.Person{
		"Ann": {ID: "1", Name: new("Ann"), Username: new("a")}, "a": {ID: "1", Name: new(""), Username: new("a")}, "1": {ID: "1", Username: new("")}, "2": {ID: "2"},
	} {
		if got := message.Who(p); got != want {
			t.Errorf("%s is called %s", want, got)
		}
	}
	for kind, want := range map[wit.ConversationKind]bool{wit.ConversationKindGroup: true, wit.ConversationKindChannel: true, wit.ConversationKindDirect: false} {
		if isGroup(&wit.Conversation{Kind: kind}) != want || isGroup(nil) {
			t.Errorf("%s is a group: %t", kind, !want)
		}
	}
}

// TestNoTools: a model that calls one all the same is told that there is none.
func TestNoTools(t *testing.T) {
	if got := (&toolCalls{tools: noTools{}}).names(); got != "none." {
		t.Error(got)
	}
}

type noTools struct{}

func (noTools) Tools() []wit.ToolDefinition { return nil }
func (noTools) Tool(string) (Tool, bool)    { return nil, false }
