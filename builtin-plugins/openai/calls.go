package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/wit"
)

// A tool call comes in pieces, the first with its id and name, all with some of the text of its arguments:
//
//	{"index":0,"id":"call_1","type":"function","function":{"name":"calc","arguments":"{\"expr"}}
//	{"index":0,"function":{"arguments":"ession\":\"1+1\"}"}}
//
// That is how OpenAI does it, and the pieces of two calls may alternate. See find for how others do.

// call is what has to be known of a tool call until the next of its pieces comes. The pieces themselves go to the
// gateway, which puts them together: arguments can be a megabyte, and the state travels with each chunk.
type call struct {
	index int64 // that the server gave it, noIndex when it gave none
	id    string
	name  string
	args  nesting
	half  half.Half
}

const noIndex = -1

// call gives out a piece of a call with what it has of the function, and reports whether there is room for it. The id and the name go out once, with the first
// piece that has them; a piece that says nothing new goes out not at all.
func (s *state) call(piece, function json.Value, answer *wit.ProviderAnswer) bool {
	index, id := int64(noIndex), piece.Get("id").Text()
	if given := piece.Get("index"); given.Exists() {
		index = given.Int()
	}
	name := function.Get("name").Text()
	n := s.find(index, id, name)
	if n < 0 {
		if n = len(s.calls); n == wit.ProviderAnswerToolCallsMax {
			return false
		}
		s.calls = append(s.calls, call{index: index})
	}
	c := &s.calls[n]
	delta := wit.CallDelta{Call: uint32(n), Opaque: signatures(piece)}
	if id != "" && c.id == "" {
		c.id, delta.ID = id, id
	}
	if name != "" && c.name == "" {
		c.name, delta.Name = name, s.names.Of(name)
	}
	delta.Args = c.arguments(function.Get("arguments"))
	if delta.ID != "" || delta.Name != "" || delta.Args != "" || delta.Opaque != nil {
		answer.CallDeltas = append(answer.CallDeltas, delta)
	}
	return true
}

// find is the call that a piece goes on with, or -1 when it begins one. Servers number calls by index, or by id, or
// not at all; some give all calls the same index, some all the same id, and some say a call's name or id with each of
// its pieces. What all of them keep to is that a call's pieces come one after the other, unless they have an index.
func (s *state) find(index int64, id, name string) int {
	n := len(s.calls) - 1
	for index != noIndex && n >= 0 && s.calls[n].index != index {
		n--
	}
	if n < 0 {
		return -1
	}
	c := &s.calls[n]
	switch {
	case id != "" && c.id != "" && id != c.id:
		return -1
	case name == "" || c.name == "":
		return n // it says nothing that a call begins with
	case name != c.name || c.args.whole() || index == noIndex && id == "" && !c.args.begun():
		return -1 // named again after all that belongs to a call
	}
	return n
}

// arguments is what a piece adds to the arguments' text. Some servers give an object, whole, and not its text; an
// empty one also where the text is still to come.
func (c *call) arguments(value json.Value) string {
	text := c.half.Join(value)
	if value.IsObject() {
		if text = string(value.Raw()); c.args.begun() {
			return ""
		}
	}
	if !c.args.begun() && (text == "{}" || text == "") {
		return "" // without arguments it is {} anyway
	}
	c.args.add(text)
	return text
}

// nesting follows a JSON value as it comes, to know when it is whole, without keeping it. That the value is valid it does
// not check: what a model wrote wrongly is the tool's to refuse.
type nesting struct {
	depth   int64
	place   int64 // inText, afterBackslash, or 0 outside of texts
	started bool
}

// The places inside of a text.
const (
	inText         = 1
	afterBackslash = 2
)

// add follows what comes next. Brackets and quotes inside of a text say nothing, and after a backslash neither does a
// quote.
func (n *nesting) add(text string) {
	for _, c := range []byte(text) {
		switch {
		case n.place == afterBackslash:
			n.place = inText
		case n.place == inText && c == '\\':
			n.place = afterBackslash
		case c == '"':
			n.place = inText - n.place
		case n.place == inText:
		case c == '{' || c == '[':
			n.depth++
			n.started = true
		case c == '}' || c == ']':
			n.depth--
		}
	}
}

// begun reports whether anything of an object has come.
func (n *nesting) begun() bool { return n.started }

// whole reports whether an object has come and ended.
func (n *nesting) whole() bool { return n.started && n.depth <= 0 && n.place == 0 }
