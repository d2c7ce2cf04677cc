package session_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhoAnswers: the owner has an id, and sessions are those of agents that there are.
func TestWhoAnswers(t *testing.T) {
	s := session.Settings{Agents: []string{"ops"}, Owners: []string{"chat:42", "chat:"}}
	for who, want := range map[string]bool{"chat 42": true, "far 42": false, "chat 7": false, "chat ": false} {
		if channel, person, _ := strings.Cut(who, " "); s.IsOwner(channel, person) != want {
			t.Errorf("%s is the owner: %v", who, !want)
		}
	}
	for id, want := range map[string]string{"": "main", "main": "main", "ops": "ops", "nobody": ""} {
		if got, err := s.Agent(id); got != want || (want == "") != (wit.CodeOf(err) == wit.CodeInvalid) {
			t.Errorf("agent %q: %q, %v", id, got, err)
		}
	}
	for c, want := range map[[2]string]wit.Code{
		{"agent:main:x", ""}: "", {"agent:ops:x", "ops"}: "", {"agent:ops:x", ""}: "",
		{"agent:ops:x", "main"}: wit.CodeInvalid, {"agent:ops:x", "nobody"}: wit.CodeInvalid, {"agent:nobody:x", ""}: wit.CodeInvalid,
	} {
		if err := s.Answers(session.Key(c[0]), c[1]); wit.CodeOf(err) != want {
			t.Errorf("%q: %v", c, err)
		}
	}
	if got := s.Main("-zAZ09_{é["); got != "agent:zaz09_:main" {
		t.Errorf("an agent's name in a key: %q", got)
	}
	if got := s.Conversation("", message.Account{Channel: "chat"}, wit.Conversation{Kind: wit.ConversationKindGroup, ID: " "}, "7"); got != "agent:main:chat:group:unknown" {
		t.Errorf("a group without an id: %q", got)
	}
}

func TestParseKey(t *testing.T) {
	s := session.Settings{DefaultAgent: "Molly", MainKey: "Home", Agents: []string{"ops"}}
	for text, want := range map[string]session.Key{
		"main":                   "agent:molly:home",
		" MAIN ":                 "agent:molly:home",
		"agent:ops:main":         "agent:ops:home",
		"agent:Ops:X:y":          "agent:ops:x:y",
		"work":                   "agent:molly:work",
		"cron:job 1":             "agent:molly:cron:job 1",
		"agent:a b:x":            "agent:a-b:x",
		"":                       "",
		"agent:":                 "",
		"agent:ops":              "",
		"agent::x":               "",
		"agent:ops:":             "",
		"a\x00b":                 "",
		"a\nb":                   "",
		"\xff":                   "",
		strings.Repeat("k", 257): "",
		strings.Repeat("k", 250): "",
	} {
		got, err := s.ParseKey(text, "")
		if got != want || (want == "") != (wit.CodeOf(err) == wit.CodeInvalid) {
			t.Errorf("%.40q: got %q, %v, want %q", text, got, err, want)
		}
		if again, err := s.ParseKey(string(got), ""); got != "" && (again != got || err != nil) {
			t.Errorf("%q does not name itself: %q %v", got, again, err)
		}
	}
	if k, _ := (session.Settings{}).ParseKey("main", ""); k != "agent:main:main" || k.Agent() != "main" || k.Rest() != "main" {
		t.Errorf("by default main is %q", k)
	}
	for _, text := range []string{"x", "agent:ops:x"} {
		if k, err := s.ParseKey(text, "ops"); k != "agent:ops:x" || err != nil {
			t.Errorf("%q of an agent: %q, %v", text, k, err)
		}
		for _, other := range []string{"nobody", "Ops", " "} {
			if k, err := s.ParseKey(text, other); k != "" || wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%q of the agent %q: %q, %v", text, other, k, err)
			}
		}
	}
	if k, err := s.ParseKey("agent:ops:x", "molly"); k != "" || wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("of another agent: %q, %v", k, err)
	}
}

// TestEqualIDsAreNotOnePerson: whoever takes the id that somebody has on another channel has no part in their session,
// in no scope that keeps people apart. The owner, who has said so, is one person.
func TestEqualIDsAreNotOnePerson(t *testing.T) {
	c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: "c"}
	for _, scope := range []session.Scope{session.ScopeOwner, session.ScopePerPeer, session.ScopePerChannelPeer} {
		s := session.Settings{DMScope: scope, Owners: []string{"chat:ann", "irc:Ann_"}}
		if a, b := s.Conversation("", message.Account{Channel: "chat"}, c, "bob"), s.Conversation("", message.Account{Channel: "irc"}, c, "bob"); a == b {
			t.Errorf("%q: bob and bob are one: %s", scope, a)
		}
		if a, b := s.Conversation("", message.Account{Channel: "chat"}, c, "ann"), s.Conversation("", message.Account{Channel: "irc"}, c, "ann"); a == b {
			t.Errorf("%q: the owner and somebody of the same id are one: %s", scope, a)
		}
		if a, b := s.Conversation("", message.Account{Channel: "chat"}, c, "ann"), s.Conversation("", message.Account{Channel: "irc"}, c, "Ann_"); (a == b) != (scope != session.ScopePerChannelPeer) {
			t.Errorf("%q: the owner has %s and %s", scope, a, b)
		}
	}
	s := session.Settings{DMScope: session.ScopePerPeer, Owners: []string{"chat:ann"}}
	for _, channel := range []string{"dm", "", "chat"} {
		if k := s.Conversation("", message.Account{Channel: channel}, c, "owner"); k == s.Conversation("", message.Account{Channel: "chat"}, c, "ann") {
			t.Errorf("somebody called owner on %q has the owner's session", channel)
		}
	}
}

func TestConversationKeys(t *testing.T) {
	thread := "77"
	direct := wit.Conversation{Kind: wit.ConversationKindDirect, ID: "C1"}
	group := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-100:5"}
	topic := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-100", Thread: &thread}
	news := wit.Conversation{Kind: wit.ConversationKindChannel, ID: "!Ab:host"}
	long := wit.Conversation{Kind: wit.ConversationKindGroup, ID: strings.Repeat("é", 300)}
	for _, c := range []struct {
		scope session.Scope
		conv  wit.Conversation
		want  session.Key
	}{
		{"", direct, "agent:main:tele-gram:dm:bob"},
		{"nonsense", direct, "agent:main:tele-gram:dm:bob"},
		{session.ScopeMain, direct, "agent:main:main"},
		{session.ScopePerPeer, direct, "agent:main:tele-gram:dm:bob"},
		{session.ScopePerChannelPeer, direct, "agent:main:tele-gram:dm:bob"},
		{"", group, "agent:main:tele-gram:group:-100%3a5"},
		{"", topic, "agent:main:tele-gram:group:-100:thread:77"},
		{"", news, "agent:main:tele-gram:channel:!ab%3ahost"},
	} {
		if got := (session.Settings{DMScope: c.scope}).Conversation("", message.Account{Channel: "Tele.Gram"}, c.conv, "bob"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.scope, c.conv.ID, got, c.want)
		}
	}
	s := session.Settings{}
	if s.Conversation("", message.Account{Channel: "x"}, direct, "Bob") == s.Conversation("", message.Account{Channel: "x"}, direct, "bob") {
		t.Error("people whose ids differ in case share a session")
	}
	a := s.Conversation("", message.Account{Channel: "x"}, long, "")
	long.ID += "e"
	if b := s.Conversation("", message.Account{Channel: "x"}, long, ""); a == b || len(a) > session.MaxKey || !strings.Contains(string(a), "~") {
		t.Errorf("long ids: %q and %q", a, b)
	}
	// What an id contains cannot make it another conversation.
	forged := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-100:thread:77"}
	if s.Conversation("", message.Account{Channel: "x"}, forged, "") == s.Conversation("", message.Account{Channel: "x"}, topic, "") {
		t.Error("a group's id passes for a thread")
	}
}

// FuzzKeys: whatever ids a platform has, keys are bounded, readable by ParseKey and stay themselves.
func FuzzKeys(f *testing.F) {
	f.Add("chat", "-100:thread:1", "bob", "7")
	f.Add("", "", "", "")
	f.Add("x\x00", strings.Repeat("\xff", 400), "A:B", "%")
	f.Fuzz(func(t *testing.T, channel, id, peer, thread string) {
		s := session.Settings{DMScope: session.ScopePerChannelPeer}
		for _, kind := range []wit.ConversationKind{wit.ConversationKindDirect, wit.ConversationKindGroup} {
			k := s.Conversation("", message.Account{Channel: channel}, wit.Conversation{Kind: kind, ID: id, Thread: &thread}, peer)
			if got, err := s.ParseKey(string(k), ""); err != nil || got != k {
				t.Fatalf("%q: %q %v", k, got, err)
			}
		}
	})
}
