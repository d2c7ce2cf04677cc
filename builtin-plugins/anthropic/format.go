package anthropic

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/claude"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// formatting is how a model is made to answer with JSON.
type formatting int

const (
	asText   formatting = iota // it is not
	asSchema                   // the server keeps it to the schema
	asTool                     // it has to call a tool whose arguments are the answer
	asWords                    // it is asked to
)

// formattingOf chooses the way. Only a schema that is kept to exactly is one that the server is sure to take: it refuses what
// it cannot enforce, such as the length of a text.
func formattingOf(f *claude.Family, wanted *wit.AnswerFormat) formatting {
	if wanted == nil {
		return asText
	}
	if len(wanted.Schema) == 0 {
		return asWords
	}
	schema, _ := json.Parse(wanted.Schema) // the gateway's contract has checked it
	object := schema.Get("type").Text() == "object"
	switch {
	case f.Formats && (wanted.Strict || !object || !f.Forced()):
		return asSchema
	case object && f.Forced():
		return asTool
	}
	return asWords
}

// words ask for JSON where nothing else does.
func (f formatting) words() string {
	if f != asWords {
		return ""
	}
	return "Answer with one JSON value and nothing else: no words around it, and no fence."
}

// answerName is what the tool is called whose arguments are the answer, where nothing better is known.
const answerName = "answer"

// answerTool is the name of the tool whose arguments are the answer; empty where there is none.
func (q *question) answerTool() string {
	if q.format != asTool {
		return ""
	}
	name := answerName
	for q.taken(name) {
		name += "_"
	}
	return name
}

// taken reports whether one of the chat's tools has a name.
func (q *question) taken(name string) bool {
	for i := range q.chat.Tools {
		if q.names.Of(q.chat.Tools[i].Name) == name {
			return true
		}
	}
	return false
}
