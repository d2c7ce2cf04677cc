package anthropic

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// tools adds the tools that the model may call, under the names that the server takes, and says which it must.
func (q *question) tools(body json.Object) json.Object {
	specs, answer := q.chat.Tools, q.answerTool()
	if len(specs) == 0 && answer == "" {
		return body
	}
	body = body.Array("tools", func(list json.Array) json.Array {
		for i := range specs {
			list = list.Object(func(o json.Object) json.Object {
				o = o.Text("name", q.names.Of(specs[i].Name))
				if specs[i].Description != "" {
					o = o.Text("description", specs[i].Description)
				}
				o = o.Object("input_schema", func(o json.Object) json.Object { return parameters(o, specs[i].Parameters) })
				if i == len(specs)-1 {
					o = q.config.keep(o)
				}
				return o
			})
		}
		if answer != "" {
			list = list.Object(func(o json.Object) json.Object { return answerTool(o, answer, q.chat.Format) })
		}
		return list
	})
	switch {
	case answer == "":
		return body
	case len(specs) == 0:
		return body.Object("tool_choice", func(o json.Object) json.Object { return o.Text("type", "tool").Text("name", answer) })
	}
	return body.Object("tool_choice", func(o json.Object) json.Object { return o.Text("type", "any") })
}

func answerTool(o json.Object, name string, wanted *wit.AnswerFormat) json.Object {
	about := "Gives the answer. Call it once, in place of answering in words."
	if wanted.Description != "" {
		about += " The answer is: " + wanted.Description
	}
	return o.Text("name", name).Text("description", about).
		Object("input_schema", func(o json.Object) json.Object { return parameters(o, wanted.Schema) })
}

// parameters adds a tool's schema: an object that says so.
func parameters(out json.Object, schema wit.JSON) json.Object {
	out = withoutDialect(out, schema)
	value, _ := json.Parse(schema) // no schema, or none that can be read, is one of no arguments
	if !value.Get("type").Exists() {
		out = out.Text("type", "object")
	}
	return out
}

// withoutDialect adds the fields of a schema but for its dialect, which is the same everywhere.
func withoutDialect(out json.Object, schema wit.JSON) json.Object {
	value, _ := json.Parse(schema)
	for name, field := range value.Fields() {
		if name != "$schema" && field.Exists() {
			out = out.Raw(name, field.Raw())
		}
	}
	return out
}
