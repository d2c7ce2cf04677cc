package inbox

import (
	"errors"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

func ptr[T any](v T) *T { return &v }

func TestJudge(t *testing.T) {
	person := wit.Person{ID: "u", Username: ptr("NameU")}
	direct := wit.Message{Kind: wit.MessageKindText, Sender: person, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "d"}}
	group := wit.Message{Kind: wit.MessageKindText, Sender: person, Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g1"}}
	mention := group
	mention.Mentioned = true
	happened, happenedHere := group, direct
	happened.Kind, happenedHere.Kind = wit.MessageKindService, wit.MessageKindService
	edited, nobody := direct, direct
	nobody.Sender = wit.Person{}
	edited.Kind = wit.MessageKindEdited
	yes, no := func() (bool, error) { return true, nil }, func() (bool, error) { return false, nil }
	never := func() (bool, error) { t.Error("asked though it decides nothing"); return true, nil }
	for name, c := range map[string]struct {
		access   Access
		self     string
		message  wit.Message
		approved func() (bool, error)
		want     Verdict
		names    []string // former ids
	}{
		"open":                    {Access{DM: PolicyOpen}, "", direct, never, VerdictAccepted, nil},
		"disabled":                {Access{DM: PolicyDisabled, AllowFrom: []string{"u"}}, "", direct, never, VerdictDenied, nil},
		"a stranger":              {Access{}, "", direct, no, VerdictPairing, nil},
		"a stranger, said":        {Access{DM: PolicyPairing}, "", direct, no, VerdictPairing, nil},
		"the owner":               {Access{Owners: []string{"u"}}, "", direct, never, VerdictAccepted, nil},
		"an owner without an id":  {Access{Owners: []string{""}}, "", nobody, no, VerdictPairing, nil},
		"a name that nobody has":  {Access{AllowFrom: []string{"@ann"}}, "", nobody, no, VerdictPairing, nil},
		"it happened to the bot":  {Access{Group: PolicyOpen}, "bot", happened, never, VerdictKept, nil},
		"approved":                {Access{}, "", direct, yes, VerdictAccepted, nil},
		"listed":                  {Access{AllowFrom: []string{"u"}}, "", direct, never, VerdictAccepted, nil},
		"allowlist":               {Access{DM: PolicyAllowlist, AllowFrom: []string{"x", " u "}}, "", direct, never, VerdictAccepted, nil},
		"allowlist of others":     {Access{DM: PolicyAllowlist, AllowFrom: []string{"x", ""}}, "", direct, no, VerdictDenied, nil},
		"allowlist, approved":     {Access{DM: PolicyAllowlist}, "", direct, yes, VerdictAccepted, nil},
		"everybody":               {Access{DM: PolicyAllowlist, AllowFrom: []string{"*"}}, "", direct, never, VerdictAccepted, nil},
		"by username":             {Access{DM: PolicyAllowlist, AllowFrom: []string{"@nameU"}}, "", direct, never, VerdictAccepted, nil},
		"with the channel":        {Access{DM: PolicyAllowlist, AllowFrom: []string{"chat:u"}}, "", direct, never, VerdictAccepted, nil},
		"with another channel":    {Access{DM: PolicyAllowlist, AllowFrom: []string{"other:u"}}, "", direct, no, VerdictDenied, nil},
		"a name is no id":         {Access{DM: PolicyAllowlist, AllowFrom: []string{"nameu", "@"}}, "", direct, no, VerdictDenied, nil},
		"an unknown policy":       {Access{DM: "everybody"}, "", direct, no, VerdictDenied, nil},
		"the bot":                 {Access{DM: PolicyOpen}, "u", direct, never, VerdictRecorded, nil},
		"an edit":                 {Access{DM: PolicyOpen}, "", edited, never, VerdictRecorded, nil},
		"a group":                 {Access{}, "", mention, never, VerdictDenied, nil},
		"a listed group":          {Access{Groups: []string{"g1"}}, "", mention, never, VerdictAccepted, nil},
		"every group":             {Access{Groups: []string{"*"}}, "", mention, never, VerdictAccepted, nil},
		"another group":           {Access{Groups: []string{"g2"}}, "", mention, never, VerdictDenied, nil},
		"groups disabled":         {Access{Group: PolicyDisabled, Groups: []string{"g1"}}, "", mention, never, VerdictDenied, nil},
		"an unknown group policy": {Access{Group: "everybody"}, "", mention, never, VerdictDenied, nil},
		"not mentioned":           {Access{Group: PolicyOpen}, "", group, never, VerdictKept, nil},
		"a group that was listed": {Access{Groups: []string{"g0"}}, "", mention, never, VerdictAccepted, []string{"g0", "g"}},
		"another's former id":     {Access{Groups: []string{"g0"}}, "", mention, never, VerdictDenied, []string{"g"}},
		"it happened in a group":  {Access{Groups: []string{"g1"}}, "", happened, never, VerdictKept, nil},
		"it happened elsewhere":   {Access{}, "", happened, never, VerdictRecorded, nil},
		"it happened to a friend": {Access{}, "", happenedHere, yes, VerdictKept, nil},
		"a stranger did it":       {Access{}, "", happenedHere, no, VerdictRecorded, nil},
		"the bot did it":          {Access{Group: PolicyOpen}, "u", happened, never, VerdictRecorded, nil},
		"no mention needed":       {Access{Group: PolicyOpen, RequireMention: ptr(false)}, "", group, never, VerdictAccepted, nil},
	} {
		b := Batch{Account: message.Account{Channel: "chat", ID: "main"}, Access: c.access, Self: c.self}
		if got, err := judge(&b, &c.message, append(c.names, c.message.Conversation.ID), c.approved); got != c.want || err != nil {
			t.Errorf("%s: %q %v, want %q", name, got, err, c.want)
		}
	}
	broken := errors.New("disk")
	b := Batch{}
	if _, err := judge(&b, &direct, nil, func() (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("a store that fails: %v", err)
	}
}
