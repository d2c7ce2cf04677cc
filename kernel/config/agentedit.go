package config

import (
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// AddAgent adds an agent; the first one that is added stands beside the one that was there without a list. Errors:
// CodeConflict for one that there is already; as PatchAgent's.
func (d *Document) AddAgent(a AgentEntry) error {
	list, err := d.agents()
	if err != nil {
		return err
	}
	if findAgent(list, a.ID) >= 0 {
		return wit.Errorf(wit.CodeConflict, "agent %q already exists", AgentID(a.ID))
	}
	item, err := nodeOf(a)
	if err != nil {
		return err
	}
	return d.put(append(list, item), "agents", "list")
}

// PatchAgent lays a patch over what the file says of an agent, as Merge does. Errors: CodeNotFound for one that there is
// not; CodeInvalid for agents that a file has which is included: they are changed there.
func (d *Document) PatchAgent(id string, patch wit.JSON) error {
	list, err := d.agents()
	if err != nil {
		return err
	}
	i := findAgent(list, id)
	if i < 0 {
		return noAgent(id)
	}
	over, err := ParseDocument(patch)
	if err != nil {
		return err
	}
	list[i] = merged(list[i], over.root)
	return d.put(list, "agents", "list")
}

// DropAgent takes an agent away, with its bindings, of which it returns how many there were. Errors: CodeConflict for the
// default one and the only one; as PatchAgent's.
func (d *Document) DropAgent(id string) (bindings int, err error) {
	list, err := d.agents()
	if err != nil {
		return 0, err
	}
	i := findAgent(list, id)
	c, _, err := d.Usable()
	switch {
	case i < 0:
		return 0, noAgent(id)
	case err != nil:
		return 0, err
	case c.DefaultAgent() == AgentID(id):
		return 0, wit.Errorf(wit.CodeConflict, "agent %q is the default one and cannot be deleted: make another one the default first", AgentID(id))
	}
	if bindings, err = d.dropBindings(func(b Binding) bool { return AgentID(b.AgentID) == AgentID(id) }); err != nil {
		return 0, err
	}
	return bindings, d.put(slices.Delete(list, i, i+1), "agents", "list")
}

// DefaultTo makes an agent the default one. Errors are those of PatchAgent.
func (d *Document) DefaultTo(id string) error {
	list, err := d.agents()
	if err != nil {
		return err
	}
	if findAgent(list, id) < 0 {
		return noAgent(id)
	}
	for i, item := range list {
		value := kindNull
		if agentOf(item) == AgentID(id) {
			value = kindTruth
		}
		list[i] = merged(item, &node{kind: kindObject, fields: []*named{{name: "default", value: &node{kind: value, scalar: wit.JSON("true")}}}})
	}
	return d.put(list, "agents", "list")
}

// dropBindings takes bindings away and returns how many there were.
func (d *Document) dropBindings(drop func(Binding) bool) (n int, err error) {
	list, err := d.items(func(c *Config) int { return len(c.Bindings) }, "bindings")
	if err != nil {
		return 0, err
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(item *node) bool {
		var b Binding
		return json.Unmarshal(item.json(), &b) == nil && drop(b)
	})
	if n = len(list) - len(kept); n == 0 {
		return 0, nil
	}
	return n, d.put(kept, "bindings")
}

// agents are the items of the list of agents, with the one that is there without a list.
func (d *Document) agents() ([]*node, error) {
	list, err := d.items(func(c *Config) int { return len(c.Agents.List) }, "agents", "list")
	if err != nil || len(list) > 0 {
		return list, err
	}
	main, err := nodeOf(AgentEntry{ID: DefaultAgent})
	return []*node{main}, err
}

// items are those of a list of the document. It is the caller's own. said counts those of the settings, which have more where a
// file is included.
func (d *Document) items(said func(*Config) int, path ...string) ([]*node, error) {
	if d.broken != nil {
		return nil, unmended(d.broken)
	}
	c, _, err := d.Usable()
	if err != nil {
		return nil, unmended(err)
	}
	n, ok := d.find(path)
	if !ok && said(c) > 0 {
		return nil, wit.Errorf(wit.CodeInvalid, "%s stands in a file that the config file includes: change it there", title(path))
	}
	if !ok || n.kind != kindList {
		return nil, nil
	}
	return slices.Clone(n.items), nil
}

// put writes a list at a path; an empty one is taken away.
func (d *Document) put(list []*node, path ...string) error {
	value := &node{kind: kindList, items: list}
	if len(list) == 0 {
		value = &node{kind: kindNull, scalar: wit.JSON("null")}
	}
	for _, name := range slices.Backward(path) {
		value = &node{kind: kindObject, fields: []*named{{name: name, value: value}}}
	}
	return d.Merge(value.json())
}

func nodeOf(v any) (*node, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "write a setting: %w", err)
	}
	d, err := ParseDocument(text)
	if err != nil {
		return nil, err
	}
	return d.root, nil
}

// agentOf is the id of an item of the list of agents.
func agentOf(item *node) string {
	var a struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(item.json(), &a) // what has no id is nobody
	return AgentID(a.ID)
}

func findAgent(list []*node, id string) int {
	return slices.IndexFunc(list, func(item *node) bool { return agentOf(item) == AgentID(id) })
}

func noAgent(id string) error { return wit.Errorf(wit.CodeNotFound, "agent %q not found", AgentID(id)) }
