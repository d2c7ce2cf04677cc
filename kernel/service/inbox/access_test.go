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
	edited := direct
	edited.Kind = wit.MessageKindEdited
	yes, no := func() (bool, error) { return true, nil }, func() (bool, error) { return false, nil }
	never := func() (bool, error) { t.Error("asked though it decides nothing"); return true, nil }
	for name, c := range map[string]struct {
		access   Access
		self     string
		message  wit.Message
		approved func() (bool, error)
		want     Verdict
	}{
		"open":                    {Access{DM: PolicyOpen}, "", direct, never, VerdictAccepted},
		"disabled":                {Access{DM: PolicyDisabled, AllowFrom: []string{"u"}}, "", direct, never, VerdictDenied},
		"a stranger":              {Access{}, "", direct, no, VerdictPairing},
		"approved":                {Access{}, "", direct, yes, VerdictAccepted},
		"listed":                  {Access{AllowFrom: []string{"u"}}, "", direct, never, VerdictAccepted},
		"allowlist":               {Access{DM: PolicyAllowlist, AllowFrom: []string{"x", " u "}}, "", direct, never, VerdictAccepted},
		"allowlist of others":     {Access{DM: PolicyAllowlist, AllowFrom: []string{"x", ""}}, "", direct, no, VerdictDenied},
		"allowlist, approved":     {Access{DM: PolicyAllowlist}, "", direct, yes, VerdictAccepted},
		"everybody":               {Access{DM: PolicyAllowlist, AllowFrom: []string{"*"}}, "", direct, never, VerdictAccepted},
		"by username":             {Access{DM: PolicyAllowlist, AllowFrom: []string{"@nameU"}}, "", direct, never, VerdictAccepted},
		"with the channel":        {Access{DM: PolicyAllowlist, AllowFrom: []string{"chat:u"}}, "", direct, never, VerdictAccepted},
		"with another channel":    {Access{DM: PolicyAllowlist, AllowFrom: []string{"other:u"}}, "", direct, no, VerdictDenied},
		"a name is no id":         {Access{DM: PolicyAllowlist, AllowFrom: []string{"nameu", "@"}}, "", direct, no, VerdictDenied},
		"an unknown policy":       {Access{DM: "everybody"}, "", direct, no, VerdictDenied},
		"the bot":                 {Access{DM: PolicyOpen}, "u", direct, never, VerdictRecorded},
		"an edit":                 {Access{DM: PolicyOpen}, "", edited, never, VerdictRecorded},
		"a group":                 {Access{}, "", mention, never, VerdictDenied},
		"a listed group":          {Access{Groups: []string{"g1"}}, "", mention, never, VerdictAccepted},
		"every group":             {Access{Groups: []string{"*"}}, "", mention, never, VerdictAccepted},
		"another group":           {Access{Groups: []string{"g2"}}, "", mention, never, VerdictDenied},
		"groups disabled":         {Access{Group: PolicyDisabled, Groups: []string{"g1"}}, "", mention, never, VerdictDenied},
		"an unknown group policy": {Access{Group: "everybody"}, "", mention, never, VerdictDenied},
		"not mentioned":           {Access{Group: PolicyOpen}, "", group, never, VerdictKept},
		"no mention needed":       {Access{Group: PolicyOpen, RequireMention: ptr(false)}, "", group, never, VerdictAccepted},
	} {
		b := Batch{Account: message.Account{Channel: "chat", ID: "main"}, Access: c.access, Self: c.self}
		if got, err := judge(&b, &c.message, c.approved); got != c.want || err != nil {
			t.Errorf("%s: %q %v, want %q", name, got, err, c.want)
		}
	}
	broken := errors.New("disk")
	b := Batch{}
	if _, err := judge(&b, &direct, func() (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("a store that fails: %v", err)
	}
}
