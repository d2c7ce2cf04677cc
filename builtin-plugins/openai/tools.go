package openai

import (
	"hash/fnv"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// tools adds the tools that the model may call, under the names that the server takes.
func tools(list json.Array, specs []wit.ToolSpec, names names) json.Array {
	for i := range specs {
		list = list.Object(func(tool json.Object) json.Object {
			return tool.Text("type", "function").Object("function", func(f json.Object) json.Object {
				f = f.Text("name", names.of(specs[i].Name)).Text("description", specs[i].Description)
				return f.Object("parameters", func(o json.Object) json.Object { return parameters(o, specs[i].Parameters) })
			})
		})
	}
	return list
}

// parameters adds a tool's schema as all servers take it: an object that says so, with properties, even if it has
// none.
func parameters(out json.Object, schema wit.JSON) json.Object {
	value, _ := json.Parse(schema) // no schema, or none that can be read, is one of no arguments
	for name, field := range value.Fields() {
		if name != "$schema" { // the dialect, which is the same everywhere and refused by some
			out = out.Raw(name, field.Raw())
		}
	}
	if !value.Get("type").Exists() {
		out = out.Text("type", "object")
	}
	if !value.Get("properties").Exists() {
		out = out.Raw("properties", wit.JSON("{}"))
	}
	return out
}

// names are what the server calls tools, by their own names, for those that it would refuse.
type names map[string]string

const maxName = 64

// newNames finds the names of a chat that have to be others: of its tools, and of calls that a model made up.
// Each gets one that no other has, and the same in each request. The good names are taken before any is made, for a tool
// may have the very name that another one would get.
func newNames(chat *wit.Chat) names {
	found, taken := names{}, map[string]bool{}
	each := func(visit func(name string)) {
		for i := range chat.Tools {
			visit(chat.Tools[i].Name)
		}
		for i := range chat.Turns {
			for j := range chat.Turns[i].ToolCalls {
				visit(chat.Turns[i].ToolCalls[j].Name)
			}
		}
	}
	each(func(name string) { taken[name] = legalName(name) })
	each(func(name string) {
		if taken[name] || found[name] != "" {
			return
		}
		for salt := 0; ; salt++ {
			legal := rename(name, salt)
			if !taken[legal] {
				found[name], taken[legal] = legal, true
				return
			}
		}
	})
	return found
}

// of is what the server calls a tool.
func (n names) of(name string) string {
	if legal := n[name]; legal != "" {
		return legal
	}
	return name
}

// back are the tools' own names by what the server calls them; only those that differ.
func (n names) back(specs []wit.ToolSpec) map[string]string {
	own := map[string]string{}
	for i := range specs {
		if legal := n[specs[i].Name]; legal != "" {
			own[legal] = specs[i].Name
		}
	}
	return own
}

// legalName reports whether every server takes the name: a letter or _, then letters, digits, _ and -.
func legalName(name string) bool {
	return name != "" && len(name) <= maxName && name == legalized(name) && name[0] > '9'
}

// legalized has _ for what is neither a letter nor a digit, nor _ or -.
func legalized(name string) string {
	out := []byte(name)
	for i, c := range out {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '_' && c != '-' {
				out[i] = '_'
			}
		}
	}
	return string(out)
}

// rename keeps what can be kept of a name, for the model to understand, and tells it from others by a hash.
func rename(name string, salt int) string {
	mark := "_" + hash(name, salt)
	stem := "t_" + legalized(name)
	return stem[:min(len(stem), maxName-len(mark))] + mark
}

// legalID is the id of a tool call as all servers take it; one that they might refuse is replaced by its hash.
// OpenAI takes 40 bytes, and the ids of other servers, which a conversation may have begun with, are longer.
func legalID(id string) string {
	if id != "" && len(id) <= 40 && id == legalized(id) {
		return id
	}
	return hash(id, 0)
}

// hash is a short text that differs where text or salt do. It is no secret; it has to be the same in each request.
func hash(text string, salt int) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text + strconv.Itoa(salt))) // a hash takes all
	return strconv.FormatUint(h.Sum64(), 36)
}
