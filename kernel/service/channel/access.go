package channel

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Verdict is what became of a message.
type Verdict string

const (
	VerdictAccepted Verdict = "accepted" // a turn
	VerdictKept     Verdict = "kept"     // history for the group's next turn
	VerdictPairing  Verdict = "pairing"  // the sender has asked for access
	VerdictDenied   Verdict = "denied"   // the sender or the group may not
	VerdictRecorded Verdict = "recorded" // an edit, a deletion, a reaction, the bot itself
)

// judge applies the account's access rules to a message.
func (r *receiver) judge(tx store.Tx, m *wit.Message) (Verdict, error) {
	switch {
	case m.Kind != wit.MessageKindText:
		return VerdictRecorded, nil
	case r.self != nil && r.self.ID != "" && r.self.ID == m.Sender.ID:
		return VerdictRecorded, nil
	case m.Conversation.Kind == wit.ConversationKindDirect:
		return r.judgeDirect(tx, m)
	default:
		return r.judgeGroup(m), nil
	}
}

func (r *receiver) judgeDirect(tx store.Tx, m *wit.Message) (Verdict, error) {
	policy := r.settings.DMPolicy
	switch {
	case policy == PolicyDisabled:
		return VerdictDenied, nil
	case policy == PolicyOpen, listed(r.settings.AllowFrom, m.Sender, r.channel):
		return VerdictAccepted, nil
	}
	known, err := approved(tx, r.ref, m.Sender.ID)
	switch {
	case err != nil:
		return "", err
	case known:
		return VerdictAccepted, nil
	case policy == PolicyPairing || policy == "":
		return VerdictPairing, nil
	}
	return VerdictDenied, nil
}

func (r *receiver) judgeGroup(m *wit.Message) Verdict {
	switch r.settings.GroupPolicy {
	case PolicyOpen:
	case PolicyAllowlist, "":
		if !slices.Contains(r.settings.Groups, m.Conversation.ID) && !slices.Contains(r.settings.Groups, "*") {
			return VerdictDenied
		}
	default:
		return VerdictDenied
	}
	if require := r.settings.RequireMention; (require == nil || *require) && !m.Mentioned {
		return VerdictKept
	}
	return VerdictAccepted
}

// listed reports whether a list of ids, @usernames and "*" names a person. An entry may stand behind
// the channel's name and a colon.
func listed(list []string, p wit.Person, channel string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		entry = strings.TrimPrefix(strings.TrimSpace(entry), channel+":")
		if name, ok := strings.CutPrefix(entry, "@"); ok && p.Username != nil && name != "" {
			return strings.EqualFold(name, strings.TrimPrefix(*p.Username, "@"))
		}
		return entry == "*" || entry != "" && entry == p.ID
	})
}
