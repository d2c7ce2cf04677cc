package matrix

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A reaction is an event of its own, and who takes it back takes back that event: only who remembers it knows which message it was at.

// maxReactions bounds the reactions that are remembered, the newest ones.
const maxReactions = 50

// reaction is one that somebody has set at a message.
type reaction struct{ id, sender, target string }

type reactions []reaction

func readReactions(v json.Value) (list reactions) {
	for r := range v.Items() {
		list = append(list, reaction{r.Get("id").Text(), r.Get("sender").Text(), r.Get("target").Text()})
	}
	return list
}

func (r reaction) fill(o json.Object) json.Object {
	return o.Text("id", r.id).Text("sender", r.sender).Text("target", r.target)
}

// put remembers one, unless an id of it is too long to be kept.
func (r *reactions) put(m *wit.Message) {
	if max(len(m.ID), len(m.Sender.ID), len(*m.Target)) > 255 {
		return
	}
	if len(*r) >= maxReactions {
		*r = slices.Clone((*r)[len(*r)-maxReactions+1:])
	}
	*r = append(*r, reaction{m.ID, m.Sender.ID, *m.Target})
}

// takenBack makes the message of a deletion one of a reaction that was taken back, where that is what was deleted. Of one that
// somebody else has removed, a moderator, there is nothing to tell.
func (r *reactions) takenBack(m *wit.Message) *wit.Message {
	i := slices.IndexFunc(*r, func(known reaction) bool { return m.Target != nil && known.id == *m.Target })
	if i < 0 {
		return m
	}
	known := (*r)[i]
	*r = slices.Delete(slices.Clone(*r), i, i+1)
	if known.sender != m.Sender.ID {
		return nil
	}
	m.Kind, m.Target = wit.MessageKindReaction, &known.target
	return m
}
