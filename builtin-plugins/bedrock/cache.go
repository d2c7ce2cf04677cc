package bedrock

import (
	"strings"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/claude"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Some models keep the beginning of a request for a while where a point stands, in at most four places, and read the longest one
// again that they have; what is shorter than a model's least is not kept, and not refused. So points stand after the tools,
// which change least, after the prompt, which changes once a day, and at the ends of the last two messages of the user. The
// points themselves are no part of what is compared. A model that keeps nothing refuses them. See "Prompt caching for faster
// model inference" in the user guide.

// turnPoints is after how many of the user's messages points stand.
const turnPoints = 2

// keeping is where a model takes points.
type keeping struct {
	tools, system, messages bool
	results                 bool // also after what tools have answered
}

// novas are the models of Amazon's that keep beginnings.
var novas = [...]string{"amazon.nova-micro-v1", "amazon.nova-lite-v1", "amazon.nova-pro-v1", "amazon.nova-premier-v1", "amazon.nova-2-lite-v1"}

// keepingOf is what is known by a model's name. Of Anthropic's, those keep beginnings that can think, and one more.
func keepingOf(model string) keeping {
	if f := claude.Of(model); f != &claude.Stranger {
		if f.Thinking != claude.Never || strings.Contains(model, "claude-3-5-haiku") {
			return keeping{tools: true, system: true, messages: true, results: true}
		}
		return keeping{}
	}
	for _, nova := range novas {
		if strings.Contains(model, nova) {
			return keeping{system: true, messages: true}
		}
	}
	return keeping{}
}

// point ends a beginning that is to be kept.
func point(list json.Array, wanted bool) json.Array {
	if !wanted {
		return list
	}
	return list.Object(func(o json.Object) json.Object {
		return o.Object("cachePoint", func(o json.Object) json.Object { return o.Text("type", "default") })
	})
}

// pointed says after which messages points stand.
func (q *question) pointed(messages [][]*wit.ChatTurn) map[int]bool {
	marked := map[int]bool{}
	for i := len(messages) - 1; i >= 0 && q.keeps.messages && len(marked) < turnPoints; i-- {
		if speaker(messages[i]) == "user" && (q.keeps.results || !hasResults(messages[i])) {
			marked[i] = true
		}
	}
	return marked
}

// hasResults reports whether a message has what tools have answered.
func hasResults(turns []*wit.ChatTurn) bool {
	for _, turn := range turns {
		if turn.Role == wit.RoleTool {
			return true
		}
	}
	return false
}
