package kernel_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestRewind cuts a conversation back to a message, goes on from there, and goes back to what was cut off, over a restart.
func TestRewind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, l := echoAt(t, dir)
	for i, text := range []string{"one", "two", "three"} {
		l.Ask(fmt.Sprint("r", i), text)
	}
	l.MustCall("sessions.patch", object{"key": "main", "label": "numbers"}, nil)
	ids := func() (ids []string) {
		var h chat.History
		l.MustCall("chat.history", object{"sessionKey": "main"}, &h)
		for _, m := range h.Messages {
			ids = append(ids, m.ID)
		}
		return ids
	}
	rewind := func(entry string) session.RewindResult {
		t.Helper()
		var res session.RewindResult
		l.MustCall("sessions.rewind", object{"sessionKey": "main", "entryId": entry}, &res)
		return res
	}
	branches := func() []session.Branch {
		var res session.BranchesResult
		l.MustCall("sessions.branches.list", object{"sessionKey": "main"}, &res)
		return res.Branches
	}
	whole, was := lines(l, "main"), ids()
	if len(whole) != 6 {
		t.Fatalf("%q", whole)
	}
	if res := rewind(was[2]); res.EditorText != "two" {
		t.Errorf("left to say: %q", res.EditorText)
	}
	if got := lines(l, "main"); !slices.Equal(got, whole[:2]) {
		t.Errorf("cut back: %q", got)
	}
	if got := l.Ask("r4", "four"); got != "you said: four" {
		t.Errorf("it goes on with %q", got)
	}
	list := branches()
	if len(list) != 2 || !list[0].Active || list[0].MessageCount != 4 || list[1].Active || list[1].LeafEntryID != was[5] || list[1].Headline != "you said: three" {
		t.Fatalf("branches %+v", list)
	}
	// At what the assistant has said last there is nothing to cut.
	if res, last := rewind(ids()[3]), branches(); res.EditorText != "" || len(last) != 2 {
		t.Errorf("%+v %+v", res, last)
	}
	for what, c := range map[string]struct {
		method string
		params object
		code   wit.Code
	}{
		"a message of another history": {"sessions.rewind", object{"sessionKey": "main", "entryId": was[4]}, wit.CodeNotFound},
		"no message":                   {"sessions.rewind", object{"sessionKey": "main", "entryId": "none"}, wit.CodeNotFound},
		"no session":                   {"sessions.rewind", object{"sessionKey": "nowhere", "entryId": was[0]}, wit.CodeNotFound},
		"the middle of a branch":       {"sessions.branches.switch", object{"sessionKey": "main", "leafEntryId": was[3]}, wit.CodeNotFound},
		"no branch":                    {"sessions.branches.switch", object{"sessionKey": "main", "leafEntryId": "none"}, wit.CodeNotFound},
		"a branch of another session":  {"sessions.branches.switch", object{"sessionKey": "nowhere", "leafEntryId": was[5]}, wit.CodeNotFound},
	} {
		if err := l.Call(t.Context(), c.method, c.params, nil); wit.CodeOf(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
	short := lines(l, "main")
	k.Stop()
	_, l = echoAt(t, dir)
	l.MustCall("sessions.branches.switch", object{"sessionKey": "main", "leafEntryId": was[5]}, nil)
	if got := lines(l, "main"); !slices.Equal(got, whole) {
		t.Errorf("gone back to %q", got)
	}
	if got := ids(); !slices.Equal(got, was) {
		t.Errorf("the messages are called %q, and were %q", got, was)
	}
	if list = branches(); len(list) != 2 || list[0].LeafEntryID != was[5] || list[1].MessageCount != 4 {
		t.Fatalf("branches %+v", list)
	}
	var sessions session.ListResult
	if l.MustCall("sessions.list", nil, &sessions); len(sessions.Sessions) != 1 || sessions.Sessions[0].Label != "numbers" {
		t.Errorf("%+v", sessions.Sessions)
	}
	l.MustCall("sessions.branches.switch", object{"sessionKey": "main", "leafEntryId": list[1].LeafEntryID}, nil)
	if got := lines(l, "main"); !slices.Equal(got, short) {
		t.Errorf("and again to %q", got)
	}
	// Before the first message nothing is left.
	if res := rewind(ids()[0]); res.EditorText != "one" || len(lines(l, "main")) != 0 || len(branches()) != 3 {
		t.Errorf("%+v %+v", res, branches())
	}
	// What is put away stays as it is.
	l.MustCall("sessions.archive", object{"key": "main"}, nil)
	if err := l.Call(t.Context(), "sessions.branches.switch", object{"sessionKey": "main", "leafEntryId": was[5]}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a session that is put away: %v", err)
	}
}
