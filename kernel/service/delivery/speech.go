package delivery

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	// speakTimeout is how long a message waits for its voice note.
	speakTimeout = 30 * time.Second
	// spokenTries is how often a message is tried with its voice note, which may be what fails.
	spokenTries = 3
)

// speak adds the text, said aloud, to a message that is to be spoken, before its other files. The text stays: who cannot
// listen reads it, and what cannot be said, or not in time, is sent without.
func (d *dispatcher) speak(ctx context.Context, e *entry, text string, facts *wit.ChannelFacts) {
	if e.Speech == "" || e.Mute || text == "" || !d.voice.Speaks(e.Channel, e.Speech) {
		return
	}
	within, cancel := context.WithTimeout(ctx, speakTimeout)
	defer cancel()
	said, err := d.voice.Say(within, text)
	if err == nil && facts.MaxMedia > 0 && said.Size != nil && *said.Size > facts.MaxMedia {
		err = wit.Errorf(wit.CodeTooLarge, "the voice note has %d bytes, and the channel takes %d", *said.Size, facts.MaxMedia)
	}
	if err != nil {
		if ctx.Err() == nil {
			d.log.Warn("message not spoken", "id", e.ID, "channel", e.Channel, "error", d.redact(err.Error()))
		}
		return
	}
	e.Spoken = true
	e.Attachments = append([]wit.Attachment{said}, e.Attachments...)
}

// mute takes the voice note from a message that could not be sent with it, and reports whether it did: the text is not to be
// lost with it.
func (d *dispatcher) mute(e *entry, cause *wit.Error) bool {
	if !e.Spoken || e.next() != e.filesAt() || cause.Code == wit.CodeRateLimited || e.Attempts < spokenTries && !permanent(cause, e.Attempts) {
		return false
	}
	d.log.Warn("message sent without its voice note", "id", e.ID, "channel", e.Channel, "error", cause)
	e.Attachments, e.Spoken, e.Mute = e.Attachments[1:], false, true
	e.Attempts, e.NextAt = 0, 0
	if e.Draft != "" && len(e.Attachments) == 0 {
		e.Pieces = e.Pieces[:len(e.Pieces)-1] // nothing follows the text any more
	}
	return true
}
