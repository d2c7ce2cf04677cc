package delivery

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/wit"
)

// halve cuts a piece in two that the platform says is too long, whatever its channel declares, and reports whether it did: a server may
// take less than others of its kind. What stands with files is not cut, since it may be one of those that is too large.
func (d *dispatcher) halve(e *entry, cause *wit.Error, facts *wit.ChannelFacts) bool {
	i := e.next()
	if cause.Code != wit.CodeTooLarge || cause.Retryable || e.Edits != "" || len(e.Attachments) > 0 && i == e.filesAt() {
		return false
	}
	whole := e.Pieces[i]
	halves := text.Halves(whole.Text, facts)
	if len(halves) < 2 {
		return false
	}
	d.log.Warn("message cut into shorter pieces", "id", e.ID, "channel", e.Channel, "error", cause)
	pieces := make([]piece, len(halves))
	for n, t := range halves {
		pieces[n] = piece{Text: t, Cut: whole.Cut + 1}
	}
	pieces[len(pieces)-1].Actions = whole.Actions
	e.Pieces = slices.Concat(e.Pieces[:i], pieces, e.Pieces[i+1:])
	e.Attempts, e.NextAt, e.Error = 0, 0, nil
	return true
}
