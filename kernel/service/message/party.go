package message

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Party is a person on a channel, about whom something is to be known or forgotten.
type Party struct {
	Channel string `json:"channel"`
	// ID is the platform's.
	ID string `json:"id"`
	// Rooms are the conversations in which the gateway talks with nobody else, by the platform's ids; Keys are their sessions.
	Rooms []string `json:"rooms,omitempty"`
	Keys  []string `json:"keys,omitempty"`
	// Names are what the person is called where others' messages repeat what was said before: see Who.
	Names []string `json:"names,omitempty"`
	// Media are files that the person has sent, by their ids in the store.
	Media []string `json:"media,omitempty"`
}

// SaidBefore begins the part of a message in which is repeated what others have said before: a line for each, name: text, whose
// further lines begin with two spaces, and a line of Over.
const (
	SaidBefore = "[said before in this conversation:"
	Over       = "]"
)

// Forgotten is what stands in place of what somebody had said who is to be forgotten.
const Forgotten = "[removed at the person's request]"

// Unquote takes what the person has said out of the part of a message that begins with SaidBefore.
func (p *Party) Unquote(text string) string {
	if !strings.Contains(text, SaidBefore) {
		return text
	}
	var out []string
	inside, theirs := false, false
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == SaidBefore:
			inside, theirs = true, false
		case line == Over:
			inside, theirs = false, false
		case inside && !strings.HasPrefix(line, "  "):
			theirs = slices.ContainsFunc(append(p.Names, p.ID), func(name string) bool { return strings.HasPrefix(line, name+": ") })
			if theirs {
				line = Forgotten
			}
		case inside && theirs:
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// Said reports whether the person has said what has this origin.
func (p *Party) Said(o *Origin) bool {
	return o != nil && o.Channel == p.Channel && p.Is(o.Sender)
}

// Is reports whether somebody of the channel is the person. Nobody is without an id.
func (p *Party) Is(who *wit.Person) bool { return who != nil && who.ID != "" && who.ID == p.ID }

// In reports whether a conversation of the channel is one with the person alone.
func (p *Party) In(channel, conversation string) bool {
	return channel == p.Channel && slices.Contains(p.Rooms, conversation)
}
