package ntfy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup)
	a := newAccount(t, ntfytest.Config{Token: "tk_secret"}, `"topic":"ask>answers,home","title":"Helper & Co","priority":4`)
	got := a.published(wit.ChannelSend{Text: "plain 🎉\nand more "})
	if m := got[0]; m.Topic != "home" || m.Message != "plain 🎉\nand more" || m.Title != "Helper & Co" || m.Priority != 4 || m.Tags[0] != "robot" || m.ContentType != "" {
		t.Errorf("%+v", m)
	}
	got = a.published(wit.ChannelSend{Text: "bold 1*2", Formatted: new(`**bold** 1\*2`), Silent: true, To: wit.Conversation{ID: "ask"}})
	if m := got[0]; m.Topic != "answers" || m.Message != `**bold** 1\*2` || m.ContentType != "text/markdown" || m.Priority != 2 {
		t.Errorf("%+v", m)
	}
	if got := a.published(wit.ChannelSend{Text: " \n "}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	long := strings.Repeat("äöü ", 585) // 4,095 bytes
	if m := a.published(wit.ChannelSend{Text: long})[0]; m.Message != strings.TrimSpace(long) || m.Attachment != nil {
		t.Errorf("the longest: %d bytes, %+v", len(m.Message), m.Attachment)
	}
	if m := a.published(wit.ChannelSend{Text: long, Formatted: new(strings.Repeat(`äöü\_`, 900))})[0]; m.Message != strings.TrimSpace(long) || m.ContentType != "" {
		t.Errorf("too long with its marks: %+v", m)
	}
	a.server.Fail(ntfytest.Fault{Call: "publish", Status: 400, Code: 40000})
	if m := a.published(wit.ChannelSend{Text: "bold", Formatted: new("**bold**")})[0]; m.Message != "bold" || m.ContentType != "" {
		t.Errorf("refused as Markdown: %+v", m)
	}
	if _, err := a.TrySend(wit.ChannelSend{To: wit.Conversation{ID: "no/topic"}, Text: "x"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
	const evil = "{{credential:token}} {{media:m1}}"
	if m := a.published(wit.ChannelSend{Text: evil})[0]; m.Message != evil {
		t.Errorf("%+v", m)
	}
}

// TestTheUsualPriority: the one of the manifest is that of an account which says none, and no publication names it.
func TestTheUsualPriority(t *testing.T) {
	var said [2]string
	for i, more := range []string{`"topic":"home"`, `"topic":"home","priority":3`} {
		a := newAccount(t, ntfytest.Config{}, more)
		m := a.published(wit.ChannelSend{Text: "x"})[0]
		said[i] = fmt.Sprint(m.Message, " ", m.Priority)
	}
	if said[0] != said[1] {
		t.Errorf("%q", said)
	}
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut, channeltest.Refusals)
	a := newAccount(t, ntfytest.Config{}, `"topic":"home"`)
	picture := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a cat.png"), Mime: new("image/png")}
	got := a.published(wit.ChannelSend{Text: "look\nhere", Attachments: []wit.Attachment{picture}})
	if len(got) != 1 || got[0].Message != "look\nhere" || got[0].Attachment.Name != "a cat.png" || string(a.server.File(got[0])) != "media:m1" {
		t.Errorf("%+v", got)
	}
	got = a.published(wit.ChannelSend{Text: strings.Repeat("long ", 300), Attachments: []wit.Attachment{picture, {Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.pdf"}}}})
	if len(got) != 3 || got[0].Message != "You received a file: a cat.png" || got[1].Attachment.URL != "https://e.org/x.pdf" || got[2].Attachment != nil {
		t.Errorf("%+v", got)
	}
	got = a.published(wit.ChannelSend{Attachments: []wit.Attachment{{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1.5,-2")}}})
	if len(got) != 1 || got[0].Message != "1.5,-2\n📍 Home" {
		t.Errorf("%+v", got)
	}
	b := newAccount(t, ntfytest.Config{NoFiles: true}, `"topic":"home"`)
	if got := b.published(wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{picture}}); len(got) != 1 || got[0].Message != "look\n\n[a cat.png could not be sent]" {
		t.Errorf("a server without files: %+v", got)
	}
	if _, err := b.TrySend(wit.ChannelSend{To: toHome, Attachments: []wit.Attachment{picture}, IdempotencyKey: "alone"}); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "attachment-cache-dir") {
		t.Errorf("without a text: %v", err)
	}
	// A second attempt sends the rest.
	a.server.Fail(ntfytest.Fault{Call: "publish", Delay: 1}, ntfytest.Fault{Call: "publish", Status: 429, Code: 42901})
	send := wit.ChannelSend{To: toHome, Text: strings.Repeat("long ", 300), Attachments: []wit.Attachment{picture}, IdempotencyKey: "twice"}
	if _, err := a.TrySend(send); wit.CodeOf(err) != wit.CodeRateLimited {
		t.Fatal(err)
	}
	if got := a.published(send); len(got) != 1 || got[0].Attachment != nil {
		t.Errorf("%+v", got)
	}
}

// TestAnAnswerThatIsLost: what was published is found, by its sequence id or on an old server by its text, and not published again; what
// was not is.
func TestAnAnswerThatIsLost(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	for _, old := range []bool{false, true} {
		a := newAccount(t, ntfytest.Config{Old: old}, `"topic":"home"`)
		for i, fault := range []ntfytest.Fault{{CutAfter: true}, {Cut: true}, {Status: 502, Body: "<html>"}, {Status: 500, Code: 50001}} {
			// The same text was published before, and by somebody else.
			a.published(wit.ChannelSend{Text: "the same", IdempotencyKey: string(rune('a' + i))})
			a.server.Publish(ntfytest.Message{Topic: "home", Message: "the same"})
			before := len(a.server.Published(""))
			fault.Call = "publish"
			a.server.Fail(fault)
			send := wit.ChannelSend{To: toHome, Text: "the same", IdempotencyKey: string(rune('A' + i))}
			if _, err := a.TrySend(send); !wit.CodeOf(err).Transient() {
				t.Fatalf("%+v: %v", fault, err)
			}
			a.server.Fail(ntfytest.Fault{Call: "poll", Status: 500, Code: 50001})
			if _, err := a.TrySend(send); !wit.CodeOf(err).Transient() {
				t.Fatalf("%+v while it cannot be looked for: %v", fault, err)
			}
			ids := a.Send(send)
			if got := a.server.Published("")[before:]; len(got) != 1 || len(ids) != 1 || !old && got[0].SequenceID != ids[0] {
				t.Errorf("old %t, %+v: %v %+v", old, fault, ids, got)
			}
		}
	}
}

func TestChanges(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut)
	for _, old := range []bool{false, true} {
		a := newAccount(t, ntfytest.Config{Old: old}, `"topic":"home"`)
		id := a.Send(wit.ChannelSend{To: toHome, Text: "first", IdempotencyKey: "k"})[0]
		edit := func(id, text string) error {
			_, err := a.plugin.(channel.Editor).Edit(a.host.SDK(), &wit.ChannelEdit{Account: "default", Config: a.Config, To: toHome, ID: id, Text: text})
			return err
		}
		remove := func(id string) error {
			_, err := a.plugin.(channel.Deleter).Delete(a.host.SDK(), &wit.ChannelDelete{Account: "default", Config: a.Config, To: toHome, ID: id})
			return err
		}
		err, cleared, deleted := edit(id, "second"), edit(id, ""), remove(id)
		list := a.server.Published("")
		switch {
		case err != nil || list[1].Message != "second":
			t.Errorf("old %t: %v %+v", old, err, list)
		case old && (wit.CodeOf(cleared) != wit.CodeInvalid || wit.CodeOf(deleted) != wit.CodeInvalid || !strings.Contains(deleted.Error(), "2.16")):
			t.Errorf("an old server: %v, %v", cleared, deleted)
		case !old && (cleared != nil || deleted != nil || list[1].SequenceID != id || list[2].Event != "message_clear" || list[3].Event != "message_delete" || list[3].SequenceID != id):
			t.Errorf("%v, %v: %+v", cleared, deleted, list)
		}
		if wit.CodeOf(edit("elsewhere", "x")) != wit.CodeNotFound || wit.CodeOf(remove("elsewhere")) != wit.CodeNotFound || wit.CodeOf(edit(id, strings.Repeat("x", 5000))) != wit.CodeTooLarge {
			t.Error("what cannot be changed is")
		}
	}
}

// TestErrors lists what ntfy's codes become. What is not tried again was not published.
func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits, channeltest.Health)
	for name, c := range map[string]struct {
		fault ntfytest.Fault
		code  wit.Code
		after int64 // milliseconds; 0 is not by itself
		tries bool
		words string
	}{
		"token":              {ntfytest.Fault{Status: 401, Code: 40101}, wit.CodeUnauthorized, 0, true, "access token"},
		"no right":           {ntfytest.Fault{Status: 403, Code: 40301}, wit.CodeForbidden, 0, false, "ntfy access"},
		"reserved name":      {ntfytest.Fault{Status: 400, Code: 40010}, wit.CodeForbidden, 0, false, "another one"},
		"requests":           {ntfytest.Fault{Status: 429, Code: 42901}, wit.CodeRateLimited, 5_000, true, ""},
		"requests, told":     {ntfytest.Fault{Status: 429, Code: 42901, RetryAfter: 9}, wit.CodeRateLimited, 9_000, true, ""},
		"the day's messages": {ntfytest.Fault{Status: 429, Code: 42908}, wit.CodeRateLimited, 3_600_000, true, "used up"},
		"a new limit":        {ntfytest.Fault{Status: 429, Code: 42999}, wit.CodeRateLimited, 30_000, true, "42999"},
		"a proxy's limit":    {ntfytest.Fault{Status: 429, Body: "<html>"}, wit.CodeRateLimited, 30_000, true, ""},
		"not understood":     {ntfytest.Fault{Status: 400, Code: 40000}, wit.CodeInvalid, 0, false, "40000"},
		"too large":          {ntfytest.Fault{Status: 413, Code: 41303}, wit.CodeTooLarge, 0, false, ""},
		"server error":       {ntfytest.Fault{Status: 500, Code: 50001}, wit.CodeUnavailable, 0, true, ""},
		"full":               {ntfytest.Fault{Status: 507, Code: 50701}, wit.CodeUnavailable, 0, true, ""},
		"not there":          {ntfytest.Fault{Status: 404, Code: 40401}, wit.CodeNotFound, 0, false, "is server right?"},
		"garbage":            {ntfytest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, true, "is server right?"},
		"another's answer":   {ntfytest.Fault{Body: `{"ok":true}`}, wit.CodeUnavailable, 0, true, "is server right?"},
		"a proxy's error":    {ntfytest.Fault{Status: 502, Body: "<html>"}, wit.CodeUnavailable, 0, true, ""},
	} {
		a := newAccount(t, ntfytest.Config{}, `"topic":"home"`)
		c.fault.Times = -1
		a.server.Fail(c.fault)
		_, err := a.TrySend(wit.ChannelSend{To: toHome, Text: "x", IdempotencyKey: "k"})
		e := wit.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		after := int64(0)
		if e.RetryAfter != nil {
			after = *e.RetryAfter
		}
		if e.Code != c.code || after != c.after || e.Retryable != c.tries || !strings.Contains(e.Message, c.words) || len(a.server.Published("")) != 0 {
			t.Errorf("%s: %+v after %d; want %s after %d, tried again %t", name, e, after, c.code, c.after, c.tries)
		}
	}
}
