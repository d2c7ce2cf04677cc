package inbox

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Access is who may speak to an account.
type Access struct {
	// DM is about direct conversations; PolicyPairing when empty.
	DM Policy
	// Owners are the ids of the owner, who may write directly unless nobody may.
	Owners []string
	// AllowFrom names people who may: ids, @usernames and "*", each also behind the channel's name and a colon.
	AllowFrom []string
	// Group is about groups; PolicyAllowlist when empty. An unknown policy lets nobody in.
	Group Policy
	// Groups are the ids of the allowed groups, present or former; "*" is every group.
	Groups []string
	// RequireMention: in groups only what mentions the bot is for it. True when nil.
	RequireMention *bool
}

// Policy says who may talk to an account.
type Policy string

// PolicyPairing lets in who is listed or approved, and tells others how to be; the others say themselves.
const (
	PolicyPairing   Policy = "pairing"
	PolicyAllowlist Policy = "allowlist"
	PolicyOpen      Policy = "open"
	PolicyDisabled  Policy = "disabled"
)

// Verdict is what became of a message.
type Verdict string

const (
	VerdictAccepted Verdict = "accepted" // it is answered
	VerdictKept     Verdict = "kept"     // history for the conversation's next answer
	VerdictPairing  Verdict = "pairing"  // the sender has asked for access
	VerdictDenied   Verdict = "denied"   // the sender or the group may not
	VerdictChosen   Verdict = "chosen"   // it answered a question
	VerdictRecorded Verdict = "recorded" // an edit, a deletion, a reaction, a choice that is over, the bot itself
)

// judge applies an account's rules to a message. names are the ids that its conversation has had. approved tells whether the owner has let the sender in; it
// is asked only where that decides, and its error is returned.
func judge(b *Batch, m *wit.Message, names []string, approved func() (bool, error)) (Verdict, error) {
	switch {
	case m.Kind == wit.MessageKindService && (b.Self == "" || b.Self != m.Sender.ID):
		said := *m
		said.Kind = wit.MessageKindText
		v, err := judge(b, &said, names, approved)
		return v.ofEvent(), err
	case m.Kind == wit.MessageKindAction:
		said := *m
		said.Kind, said.Mentioned = wit.MessageKindText, true // a button is the bot's own
		v, err := judge(b, &said, names, approved)
		if v != VerdictAccepted {
			v = VerdictRecorded
		}
		return v, err
	case m.Kind != wit.MessageKindText:
		return VerdictRecorded, nil
	case b.Self != "" && b.Self == m.Sender.ID:
		return VerdictRecorded, nil
	case m.Conversation.Kind == wit.ConversationKindDirect:
		return b.Access.direct(b.Account.Channel, m.Sender, approved)
	default:
		return b.Access.group(m, names), nil
	}
}

// ofEvent is the verdict on what has happened in a conversation, given the one on something said there by the same
// person: where that may be, it belongs to what was said before the next answer. Nobody is answered for it.
func (v Verdict) ofEvent() Verdict {
	if v == VerdictAccepted || v == VerdictKept {
		return VerdictKept
	}
	return VerdictRecorded
}

// owned reports whether somebody is the owner.
func (a *Access) owned(p wit.Person) bool { return p.ID != "" && slices.Contains(a.Owners, p.ID) }

// direct judges what was said to the bot alone.
func (a *Access) direct(channel string, sender wit.Person, approved func() (bool, error)) (Verdict, error) {
	switch {
	case a.DM == PolicyDisabled:
		return VerdictDenied, nil
	case a.DM == PolicyOpen, a.owned(sender), listed(a.AllowFrom, sender, channel):
		return VerdictAccepted, nil
	}
	known, err := approved()
	switch {
	case err != nil:
		return "", err
	case known:
		return VerdictAccepted, nil
	case a.DM == PolicyPairing || a.DM == "":
		return VerdictPairing, nil
	}
	return VerdictDenied, nil
}

// group judges what was said in a group: first whether the group may, then whether it was meant for the bot.
func (a *Access) group(m *wit.Message, names []string) Verdict {
	if !a.allows(names) {
		return VerdictDenied
	}
	if (a.RequireMention == nil || *a.RequireMention) && !m.Mentioned {
		return VerdictKept
	}
	return VerdictAccepted
}

// allows reports whether a group may talk to the bot. One that was allowed under a former id stays so.
func (a *Access) allows(names []string) bool {
	switch a.Group {
	case PolicyOpen:
		return true
	case PolicyAllowlist, "":
		return slices.Contains(a.Groups, "*") || slices.ContainsFunc(names, func(id string) bool { return slices.Contains(a.Groups, id) })
	}
	return false
}

// listed reports whether a list names a person.
func listed(list []string, p wit.Person, channel string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		entry = strings.TrimPrefix(strings.TrimSpace(entry), channel+":")
		if name, ok := strings.CutPrefix(entry, "@"); ok && p.Username != nil && name != "" {
			return strings.EqualFold(name, strings.TrimPrefix(*p.Username, "@"))
		}
		return entry == "*" || entry != "" && entry == p.ID
	})
}
