package anthropic

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// The server keeps the beginning of a request for a while where it is marked, in at most four places, and reads the longest
// one again that it has. So marks stand at the last of the tools, which change least, at the prompt, which changes once a
// day, and at the ends of the last two messages of the user: the server looks back over no more than 20 blocks from a mark, and
// a round of tools can have more. The marks themselves are no part of what is compared.

// turnMarks is at how many of the user's messages marks stand.
const turnMarks = 2

// keep marks a block as the end of a beginning that is to be kept.
func (c *config) keep(o json.Object) json.Object {
	if c.cache == "off" {
		return o
	}
	return o.Object("cache_control", func(o json.Object) json.Object {
		o = o.Text("type", "ephemeral")
		if c.cache == "1h" {
			o = o.Text("ttl", "1h")
		}
		return o
	})
}
