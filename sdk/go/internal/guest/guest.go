// Package guest is what the packages for each capability share: a table of the plugins that a module
// holds, and the step from JSON to a method and back.
package guest

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// ids are those of all plugins in this module, whatever they are. Only init functions add to it.
var ids = map[string]bool{}

// Table holds the plugins of one capability by their ids.
type Table[T any] struct{ plugins map[string]T }

// Register adds a plugin. It is for init functions; an id that is taken already is a mistake of the
// module's author and panics.
func (t *Table[T]) Register(id string, plugin T) {
	if _, taken := t.plugins[id]; taken {
		panic("plugin " + id + " is registered twice")
	}
	if t.plugins == nil {
		t.plugins = map[string]T{}
	}
	t.plugins[id] = plugin
	ids[id] = true
}

// Find returns the plugin that an instance was made for. With name "", or in a module that holds one
// plugin alone, that one is meant.
func (t *Table[T]) Find(name string) (T, error) {
	if len(ids) == 1 {
		for only := range ids {
			name = only
		}
	}
	plugin, ok := t.plugins[name]
	switch {
	case ok:
		return plugin, nil
	case name == "":
		return plugin, wit.NewError(wit.CodeInvalid, "this file holds several plugins: end the manifest's entry with # and the id of one")
	case ids[name]:
		return plugin, wit.NewError(wit.CodeInvalid, "plugin "+name+" does not provide this: correct the manifest's provides")
	}
	if len(ids) == 0 {
		return plugin, wit.NewError(wit.CodeInternal, "this file registers no plugin: call Register of tool, channel, … in a function init, with the manifest's id")
	}
	return plugin, wit.NewError(wit.CodeNotFound, "this file holds no plugin "+name+": correct the manifest's entry")
}

// Handle reads input into in, calls method and writes what it returns. A nil result is an empty one. The input belongs to
// it: what is read may be parts of it.
func Handle[In codec.Receiver, Out interface {
	comparable
	codec.Appender
}](host *sdk.Host, input []byte, in In, method func(*sdk.Host, In) (Out, error)) ([]byte, error) {
	if err := wit.UnmarshalShared(input, in); err != nil {
		return nil, err
	}
	out, err := method(host, in)
	if err != nil {
		return nil, err
	}
	if out == *new(Out) {
		return []byte("{}"), nil
	}
	return out.AppendJSON(make([]byte, 0, room(len(input)))), nil
}

// room is a guess at how long an answer gets: growing a long one step by step costs more than making it.
func room(input int) int { return min(max(256, input+input/8), 64<<10) }

// Missing is the error of an optional method that a plugin does not have, though its module exports it for others: the code is
// that of a module without the export.
func Missing(what string) error {
	return wit.NewError(wit.CodeNotFound, "this plugin cannot "+what+": take it out of the manifest")
}
