package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/cmd/carapace/translate"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// importSettings sets up here what another gateway has in its settings, or without call tells it. What is set up here already stays
// as it is.
func importSettings(ctx context.Context, call caller, plan *translate.Plan) (list []imported, err error) {
	var here system.ConfigResult
	if call != nil {
		if err := call(ctx, "config.get", nil, &here); err != nil {
			return nil, err
		}
	}
	if here.Config == nil {
		here.Config = &config.Config{}
	}
	for _, s := range plan.Setups {
		one := imported{Setting: setupName(s), Result: "would be taken"}
		switch {
		case isSetUp(here.Config, s):
			one.Result = "it is set up here already"
		case call != nil:
			one.Result = "taken"
			if err := call(ctx, "plugins.configure", s.Setup, nil); err != nil {
				one.Result = "not taken: " + err.Error()
			}
		}
		if one.Result == "taken" || one.Result == "would be taken" {
			one.Result += ": " + strings.Join(s.Fields, ", ")
		}
		list = append(list, one)
	}
	for _, c := range changesOf(here.Config, plan) {
		list = append(list, c.make(ctx, call))
	}
	return list, nil
}

func setupName(s translate.Setup) string {
	if s.Account == "" {
		return "plugin " + s.ID
	}
	return "account " + s.ID + "/" + s.Account
}

// isSetUp reports whether the owner has said something of the plugin, or of the account, already.
func isSetUp(c *config.Config, s translate.Setup) bool {
	if s.Account == "" {
		_, ok := c.Plugins[s.ID]
		return ok
	}
	_, ok := c.Channels[s.ID].Accounts[s.Account]
	return ok
}

// change is one of the settings' file.
type change struct {
	name    string
	path    []string
	value   any
	already bool
}

// changesOf are those that there is nothing of here yet. Lists get what is new at their end.
func changesOf(c *config.Config, plan *translate.Plan) (all []change) {
	for _, name := range slices.Sorted(maps.Keys(plan.Settings)) {
		path := strings.Split(name, ".")
		all = append(all, change{name, path, plan.Settings[name], says(c, path)})
	}
	agents := slices.Clone(c.Agents.List)
	for _, a := range plan.Agents {
		known := slices.ContainsFunc(agents, func(b config.AgentEntry) bool { return config.AgentID(b.ID) == a.ID })
		if !known {
			if len(c.Agents.List) > 0 {
				a.Default = false // there is one here
			}
			agents = append(agents, a)
		}
		all = append(all, change{"agent " + a.ID, []string{"agents", "list"}, slices.Clone(agents), known})
	}
	bindings := slices.Clone(c.Bindings)
	for _, b := range plan.Bindings {
		known := slices.ContainsFunc(bindings, func(o config.Binding) bool { return reflect.DeepEqual(o.Match, b.Match) })
		if !known {
			bindings = append(bindings, b)
		}
		all = append(all, change{"binding of " + b.AgentID, []string{"bindings"}, slices.Clone(bindings), known})
	}
	return all
}

// says reports whether the settings have something at a path.
func says(c *config.Config, path []string) bool {
	raw, err := json.Marshal(c)
	for _, name := range path {
		below := map[string]json.RawMessage{}
		if err != nil || json.Unmarshal(raw, &below) != nil || below[name] == nil {
			return false
		}
		raw = below[name]
	}
	return true
}

// make makes the change, or without call tells it.
func (c change) make(ctx context.Context, call caller) imported {
	one := imported{Setting: c.name, Result: "would be taken"}
	switch {
	case c.already:
		one.Result = "there is one here already"
	case call != nil:
		one.Result = "taken"
		if err := c.patch(ctx, call); err != nil {
			one.Result = "not taken: " + err.Error()
		}
	}
	return one
}

func (c change) patch(ctx context.Context, call caller) error {
	value := c.value
	for _, name := range slices.Backward(c.path) {
		value = map[string]any{name: value}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var now system.ConfigResult
	if err := call(ctx, "config.get", nil, &now); err != nil {
		return err
	}
	return call(ctx, "config.patch", system.ConfigPatchParams{Raw: string(raw), BaseHash: now.Hash}, nil)
}

// foreignSettings translates the settings below a state directory.
func foreignSettings(folder string) (*translate.Plan, error) {
	return translate.Read(folder, os.LookupEnv)
}
