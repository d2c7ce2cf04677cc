package kernel_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	people "github.com/carapace-gateway/carapace/kernel/service/person"
	"github.com/carapace-gateway/carapace/kernel/service/session/search"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPersonIsForgotten gives out all that is known of a person, over conversations, groups, pairing and deliveries, and removes
// it: nothing of it is in the file of the store afterwards, and nobody else's words are gone.
func TestAPersonIsForgotten(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		return kerneltest.Says("pizza"), nil
	})
	k := kerneltest.Start(t, account(t, p, `,"dmPolicy":"open","allowFrom":["*"],"groups":["g1"]`), kerneltest.Plugin(kerneltest.Channel("chat"), brain))
	l := k.Listen()
	setToken(l)
	p.Say("ann", "my secret-of-ann")
	p.Say("bob", "the harbour of bob")
	answered := func(n int) {
		p.Until("all is answered", func(posts []kerneltest.Post) bool { return len(posts) >= n })
	}
	answered(2)
	group := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g1"}
	p.Message(wit.Message{Conversation: group, Sender: wit.Person{ID: "ann"}, Text: "a remark-of-ann"})
	p.Message(wit.Message{Conversation: group, Sender: wit.Person{ID: "bob"}, Text: "bot, a question", Mentioned: true})
	answered(3)
	p.Message(wit.Message{Conversation: group, Sender: wit.Person{ID: "ann"}, Text: "bot, the group-word-of-ann", Mentioned: true})
	answered(4)
	p.Message(wit.Message{Conversation: group, Sender: wit.Person{ID: "ann"}, Text: "a late-remark-of-ann"})
	var known people.ExportResult
	l.Until("all of it has come in", func([]kerneltest.Event) bool {
		l.MustCall("sessions.export_user", object{"userId": "chat:ann"}, &known)
		return strings.Contains(lineText(known), "late-remark-of-ann")
	})
	for _, want := range []string{"secret-of-ann", "group-word-of-ann", `"type":"session"`, `"type":"run"`, `"type":"delivery"`, `"type":"usage"`} {
		if !strings.Contains(lineText(known), want) {
			t.Errorf("the export has no %s", want)
		}
	}
	if strings.Contains(lineText(known), "harbour") || len(known.Warnings) == 0 {
		t.Errorf("%s", lineText(known))
	}
	var pages []json.RawMessage
	for cursor, first := "", true; first || cursor != ""; first = false {
		var page people.ExportResult
		l.MustCall("sessions.export_user", object{"userId": "chat:ann", "limit": 2, "cursor": cursor}, &page)
		pages, cursor = append(pages, page.Data...), page.Cursor
	}
	if len(pages) != len(known.Data) {
		t.Errorf("%d lines page by page, %d at once", len(pages), len(known.Data))
	}
	// What was cut off a conversation is forgotten as well, with the line by which it is listed.
	var h chat.History
	l.MustCall("chat.history", object{"sessionKey": "chat:group:g1"}, &h)
	l.MustCall("sessions.rewind", object{"sessionKey": "chat:group:g1", "entryId": h.Messages[1].ID}, nil)
	branches := func() string {
		var list json.RawMessage
		l.MustCall("sessions.branches.list", object{"sessionKey": "chat:group:g1"}, &list)
		return string(list)
	}
	if strings.Count(branches(), `"headline":"pizza"`) != 2 {
		t.Errorf("%s", branches())
	}
	var gone people.PurgeResult
	if l.MustCall("sessions.purge_user", object{"userId": "chat:ann"}, &gone); gone.SessionsDeleted != 1 || gone.Removed["runs"] < 2 {
		t.Errorf("%+v", gone)
	}
	if l.MustCall("sessions.export_user", object{"userId": "chat:ann"}, &known); len(known.Data) != 0 {
		t.Errorf("afterwards: %s", lineText(known))
	}
	var found search.Result
	if l.MustCall("sessions.search", object{"query": "\"of ann\""}, &found); len(found.Results) != 0 {
		t.Errorf("%+v", found)
	}
	if l.MustCall("sessions.search", object{"query": "harbour"}, &found); len(found.Results) == 0 {
		t.Error("bob's words are gone")
	}
	if got := branches(); strings.Contains(got, "pizza") || strings.Count(got, `"headline":""`) != 2 {
		t.Errorf("%s", branches())
	}
	for _, key := range []string{"chat:group:g1", "chat:dm:bob"} {
		if said := strings.Join(lines(l, key), "|"); strings.Contains(said, "of-ann") || !strings.Contains(said, "bob") && !strings.Contains(said, "a question") {
			t.Errorf("%s: %s", key, said)
		}
	}
}

func lineText(r people.ExportResult) string {
	var b strings.Builder
	for _, line := range r.Data {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}
