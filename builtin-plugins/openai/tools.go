package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// tools adds the tools that the model may call, under the names that the server takes.
func tools(list json.Array, specs []wit.ToolSpec, names toolname.Names) json.Array {
	for i := range specs {
		list = list.Object(func(tool json.Object) json.Object {
			return tool.Text("type", "function").Object("function", func(f json.Object) json.Object {
				f = f.Text("name", names.Of(specs[i].Name)).Text("description", specs[i].Description)
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
