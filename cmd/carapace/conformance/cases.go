package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// input is one input of an export.
type input struct {
	of   string // what of the export it is about: a tool, a hook, a kind of event
	text []byte
}

// inputs makes the inputs of an export in a style.
func (t *tester) inputs(f *contract.Function, st style) (list []input) {
	add := func(of string, value map[string]any, raw bool) {
		if text := encode(value, raw); text != nil {
			list = append(list, input{of, text})
		}
	}
	switch f.Name {
	case "tool_invoke":
		for n := range t.manifest.Provides.Tools {
			for _, value := range t.invocations(f, &t.manifest.Provides.Tools[n], st) {
				add(t.manifest.Provides.Tools[n].Name, value, true)
			}
		}
	case "hook_handle":
		for _, h := range t.manifest.Provides.Hooks {
			value := t.samples.record(f.Param, st)
			value["name"], value["event"] = h.Name, t.samples.record(pascal(string(h.Name)), st)
			add(string(h.Name), value, false)
		}
	case "webhook_handle":
		for _, r := range t.manifest.Provides.Webhooks {
			value := t.samples.record(f.Param, st)
			value["route"] = r.Path
			add(r.Path, value, false)
		}
	case "tts_synthesize":
		for _, format := range t.manifest.Provides.TTS.Formats {
			value := t.samples.record(f.Param, st)
			value["format"] = format
			add(string(format), value, false)
		}
	default:
		for _, value := range t.kinds(f, st) {
			of, _ := value["kind"].(string)
			t.bounded(f, value)
			add(of, value, false)
		}
	}
	return list
}

// invocations are calls of a tool with arguments that fit its schema, as the gateway sees to it.
func (t *tester) invocations(f *contract.Function, d *wit.ToolDefinition, st style) (list []map[string]any) {
	for _, args := range schemaSamples(d.Parameters, st) {
		value := t.samples.record(f.Param, st)
		value["name"], value["args"] = d.Name, json.RawMessage(args)
		list = append(list, value)
	}
	return list
}

// kinds makes a record; where its kind says which of its fields is there, one for each kind.
func (t *tester) kinds(f *contract.Function, st style) []map[string]any {
	is := t.contract.Type(f.Param)
	kind := is.Field("kind")
	if kind == nil || kind.Kind != "enum" || kind.Option {
		return []map[string]any{t.samples.record(f.Param, st)}
	}
	var list []map[string]any
	of := map[string]string{} // fields by kind
	for _, name := range t.contract.Type(kind.Type).Cases {
		if field := is.Field(camel(name)); field != nil && field.Option {
			of[name] = field.Name
		}
	}
	for _, name := range t.contract.Type(kind.Type).Cases {
		value := t.samples.record(f.Param, st)
		if value["kind"] = name; name == string(wit.EventKindStart) {
			value["state"] = nil // there is none at first
		}
		for other, field := range of {
			if other != name {
				delete(value, field)
			} else if value[field] == nil {
				value[field] = t.samples.field(f.Param, is.Field(field), st, 0)
			}
		}
		list = append(list, value)
	}
	return list
}

// bounded cuts the texts of a message to what the channel says that it takes: the gateway does.
func (t *tester) bounded(f *contract.Function, value map[string]any) {
	text, _ := value["text"].(string)
	facts := t.manifest.Provides.Channel
	if f.Capability != "channel" || facts == nil || facts.MaxLength == 0 || len(text) <= int(facts.MaxLength) {
		return
	}
	value["text"] = strings.ToValidUTF8(text[:facts.MaxLength], "")
}

func pascal(snake string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(snake, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func camel(snake string) string {
	name := pascal(snake)
	return strings.ToLower(name[:1]) + name[1:]
}

// about says which input a problem was found with.
func (in input) about(problem string) string {
	what := ""
	if in.of != "" {
		what = in.of + ": "
	}
	return fmt.Sprintf("%s%s; with %s", what, problem, clip(string(in.text), 160))
}
