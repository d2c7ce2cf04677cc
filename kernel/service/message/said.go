package message

import (
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// How it is told where a message comes from and what comes with it, to models and to people, for all channels alike.

// Who is what people call somebody, or failing that the platform's id, as it may stand among other words.
func Who(p wit.Person) string {
	switch {
	case p.Name != nil && *p.Name != "":
		return Name(*p.Name)
	case p.Username != nil && *p.Username != "":
		return Name(*p.Username)
	}
	return Name(p.ID)
}

// place is a conversation among other words, "" for none and for a direct one.
func place(c *wit.Conversation) string {
	if c == nil || c.Kind != wit.ConversationKindGroup && c.Kind != wit.ConversationKindChannel {
		return ""
	}
	name := c.ID
	if c.Name != nil && *c.Name != "" {
		name = *c.Name
	}
	return "the " + string(c.Kind) + " " + Name(name)
}

// Source is who has said something and where: "Ann, in the group Bees". Either may be nil; without both it is otherwise.
func Source(p *wit.Person, c *wit.Conversation, otherwise string) string {
	who, where := "", place(c)
	if p != nil {
		who = Who(*p)
	}
	switch {
	case who == "" && where == "":
		return otherwise
	case where == "":
		return who
	case who == "" || p.ID == c.ID: // it speaks for itself
		return where
	}
	return who + ", in " + where
}

// Forwarded is the line that stands above what somebody has only handed on, "" for nil.
func Forwarded(f *wit.Forward) string {
	if f == nil {
		return ""
	}
	line := "[forwarded from " + Source(f.Sender, f.Conversation, "somebody")
	if f.Time > 0 {
		line += ", " + time.UnixMilli(f.Time).UTC().Format(time.DateOnly)
	}
	return line + "]"
}

// Measures are the length and the size of a recording, a picture or a video: ", 1:05, 640×480 pixels", as far as they are known.
func Measures(duration *int64, width, height *uint32) (text string) {
	if duration != nil && *duration > 0 {
		seconds := (*duration + 999) / 1000
		text += fmt.Sprintf(", %d:%02d", seconds/60, seconds%60)
	}
	if width != nil && height != nil && *width > 0 && *height > 0 {
		text += fmt.Sprintf(", %d×%d pixels", *width, *height)
	}
	return text
}
