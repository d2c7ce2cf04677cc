package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Resolve says whom somebody means by a name: who has it as id, username or name, when that is one. Without any it is not
// known, and may be the id of whoever has never written; a text with a space in it is none.
//
// Errors: CodeConflict for a name that several have, which the error lists; CodeNotFound for what is no id either; why the
// plugin could not be asked, where the name might have been known to it; the store's.
func (s *Service) Resolve(ctx context.Context, a message.Account, name string) (c Contact, known bool, err error) {
	list, err := s.written(ctx, a)
	if err != nil {
		return c, false, err
	}
	if i := slices.IndexFunc(list, func(c Contact) bool { return c.ID == name }); i >= 0 {
		return list[i], true, nil
	}
	list, asked, err := s.find(ctx, a, name, nil)
	if err != nil {
		return c, false, err
	}
	var meant []Contact
	for _, c := range list {
		switch {
		case c.ID == name || c.person() == name:
			return c, true, nil
		case c.named(name):
			meant = append(meant, c)
		}
	}
	switch {
	case len(meant) == 1:
		return meant[0], true, nil
	case len(meant) > 1:
		return c, false, wit.Errorf(wit.CodeConflict, "%.100q is what several are called: say which by the id: %s", name, several(meant))
	case asked != nil:
		s.log.Warn("a channel's directory could not be asked", "account", a, "error", asked)
	}
	switch {
	case !strings.ContainsAny(strings.TrimSpace(name), " \t"):
		return c, false, nil
	case asked != nil:
		return c, false, wit.Errorf(wit.CodeOf(asked), "nobody who has written to %s is called %.100q, and its directory cannot be asked: %w", a, name, asked)
	case len(list) > 0:
		return c, false, wit.Errorf(wit.CodeNotFound, "%s knows nobody who is called %.100q: there are %s", a, name, several(list))
	}
	return c, false, wit.Errorf(wit.CodeNotFound, "%s knows nobody who is called %.100q: `carapace directory %s` lists whom it knows", a, name, a.Channel)
}

// maxSeveral is how many an error lists.
const maxSeveral = 8

// several are contacts in words, with their ids.
func several(list []Contact) string {
	var words []string
	for i, c := range list {
		if i == maxSeveral {
			words = append(words, "…")
			break
		}
		word := message.Name(c.Label()) + " (" + string(c.Kind) + " " + message.Name(c.ID)
		if c.Username != nil && *c.Username != "" {
			word += ", @" + message.Name(*c.Username)
		}
		words = append(words, word+")")
	}
	return strings.Join(words, ", ")
}

// Conversation is what a message to somebody is sent to. Errors: Resolve's.
func (s *Service) Conversation(ctx context.Context, a message.Account, name string) (to wit.Conversation, known bool, err error) {
	c, known, err := s.Resolve(ctx, a, name)
	return wit.Conversation{Kind: c.Kind, ID: c.ID, Name: c.Name}, known, err
}

// Person is somebody by a name. Errors: Resolve's; CodeInvalid for what is a group.
func (s *Service) Person(ctx context.Context, a message.Account, name string) (p wit.Person, known bool, err error) {
	c, known, err := s.Resolve(ctx, a, name)
	if known && c.Kind != wit.ConversationKindDirect {
		return p, false, wit.Errorf(wit.CodeInvalid, "%.100q is a %s and not a person", name, c.Kind)
	}
	return wit.Person{ID: c.person(), Name: c.Name, Username: c.Username}, known, err
}
