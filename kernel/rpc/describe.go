package rpc

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// types are what a method takes and answers. early is nil of a method that answers once.
type types struct {
	params, early reflect.Type
	results       []reflect.Type
}

// Description is what a method promises to clients.
type Description struct {
	Name  string
	Scope wire.Scope
	// Scope4 is protocol 4's, empty where it is the same.
	Scope4  wire.Scope
	Summary string
	// Noted methods are Audited.
	Noted bool
	// Errors and Events are the row's.
	Errors, Events []string
	// Params is a struct, or a map that accepts everything.
	Params reflect.Type
	// Early is the type of the first of two answers, nil where there is one.
	Early reflect.Type
	// Results has one type, or those of which the answer is one.
	Results []reflect.Type
}

// OneOf names the types of a row's answers where they are several: the handler returns any.
func (m Method) OneOf(samples ...any) Method {
	m.types.results = nil
	for _, v := range samples {
		m.types.results = append(m.types.results, reflect.TypeOf(v))
	}
	return m
}

// Describe lists the methods that are not hidden, by name.
func (t *Table) Describe() []Description {
	var list []Description
	for _, m := range t.rows {
		if !m.Hidden {
			list = append(list, Description{m.Name, m.Scope, m.Scope4, m.Summary, m.Noted, m.Errors, m.Events, m.types.params, m.types.early, m.types.results})
		}
	}
	slices.SortFunc(list, func(a, b Description) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
