package delivery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of the contract, for facts that name none.
const (
	maxActions  = 25
	labelLength = 64 // characters of a label, and bytes of a value
	// rowLength is how many characters stand beside each other: more would be cut on a telephone.
	rowLength = 30
)

// actionsOf lays choices out as a channel's buttons: in rows of those that fit beside each other. There are none where the
// channel has no buttons, or not as many or as long ones.
func actionsOf(choices []message.Choice, f *wit.ActionFacts) (rows []wit.ActionRow) {
	if f == nil || len(choices) > cmp.Or(int(f.MaxActions), maxActions) {
		return nil
	}
	width := 0
	for _, c := range choices {
		length := utf8.RuneCountInString(c.Label)
		if length > cmp.Or(int(f.MaxLabel), labelLength) || len(c.Value) > cmp.Or(int(f.MaxValue), labelLength) {
			return nil
		}
		width += length
		last := len(rows) - 1
		if last < 0 || width > rowLength || len(rows[last].Actions) == max(int(f.MaxPerRow), 1) {
			rows, width, last = append(rows, wit.ActionRow{}), length, last+1
		}
		rows[last].Actions = append(rows[last].Actions, wit.Action{Label: c.Label, Value: c.Value, Style: c.Style})
	}
	return rows
}

// numbered is a text with its choices in words.
func numbered(s string, choices []message.Choice) string {
	lines := []string{s, ""}
	for _, c := range choices {
		lines = append(lines, fmt.Sprintf("%d. %s", c.Number, c.Label))
	}
	return strings.Join(append(lines, "", "Answer with a number."), "\n")
}

// Shown says how a message with choices was sent, as far as it was. Errors: CodeNotFound; the store's.
func (q *Queue) Shown(tx store.Tx, id string) (message.Shown, error) {
	e, err := lookup(tx, id)
	return message.Shown{Numbered: e.Numbered, IDs: e.ids()}, err
}

// plan makes the pieces of a message with the text s that closes another one: where the channel can, the piece with the
// choices is changed, else it is said in reply. Errors: CodeNotFound where nothing has been sent of it; the store's.
func (r *record) plan(s string, closed *record, facts *wit.ChannelFacts) error {
	ids, canEdit := closed.ids(), slices.Contains(facts.Operations, "edit")
	if len(ids) == 0 {
		return wit.NewError(wit.CodeNotFound, "what it closes was not sent")
	}
	last := closed.Pieces[len(closed.Pieces)-1]
	whole := last.Text + "\n\n" + text.Shaped(s, facts)
	switch {
	case canEdit && len(last.IDs) == 1 && len(text.Chunk(whole, text.LimitsOf(facts))) == 1:
		r.Edits, r.Pieces = last.IDs[0], []piece{{Text: whole}}
	case canEdit && len(last.IDs) > 0 && len(last.Actions) > 0:
		r.Edits, r.Pieces = last.IDs[len(last.IDs)-1], []piece{{}}
	default:
		r.ReplyTo, r.Pieces = ids[len(ids)-1], cut(s, facts)
	}
	return nil
}
