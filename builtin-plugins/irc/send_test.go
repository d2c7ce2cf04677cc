package irc_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/irc"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestSendsWithLabels(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut)
	b := in(t, allCaps)
	sent, err := b.send("#Home", "hello", func(s *wit.ChannelSend) { s.ReplyTo = new("m7") })
	if err != nil || sent.Awaits == nil {
		t.Fatalf("%+v, %v", sent, err)
	}
	token := sent.Awaits.Token
	if got := lines(sent.Frames); got != "@+draft/reply=m7;label="+token+" PRIVMSG #Home :hello" {
		t.Errorf("it says %q", got)
	}
	if again, _ := b.send("#Home", "hello"); again.Awaits.Token != token {
		t.Errorf("another attempt has the token %s", again.Awaits.Token)
	}
	a := b.hears("@msgid=m9;label=" + token + " :bot!b@h PRIVMSG #home :hello")
	if len(a.Confirmed) != 1 || a.Confirmed[0].Token != token || !slices.Equal(a.Confirmed[0].IDs, []string{"m9"}) || len(a.Messages) != 0 {
		t.Errorf("the echo: %+v", a)
	}
	a = b.hears("@label="+token+" :irc BATCH +x labeled-response", "@batch=x :irc 301 bot ann :away", "@batch=x;msgid=m10 :bot!b@h PRIVMSG ann :hello", ":irc BATCH -x")
	if len(a.Confirmed) != 1 || !slices.Equal(a.Confirmed[0].IDs, []string{"m10"}) {
		t.Errorf("the echo in a batch: %+v", a.Confirmed)
	}
	for line, code := range map[string]wit.Code{
		":irc 404 bot #home :Cannot send": wit.CodeForbidden, ":irc 401 bot ann :No such nick": wit.CodeNotFound, ":irc 403 bot #x :No such channel": wit.CodeNotFound,
		":irc 417 bot :Too long": wit.CodeTooLarge, ":irc FAIL PRIVMSG ODD #home :Odd": wit.CodeInvalid,
	} {
		a := b.hears("@label=" + token + " " + line)
		if len(a.Confirmed) != 1 || a.Confirmed[0].Error == nil || a.Confirmed[0].Error.Code != code || a.Confirmed[0].Error.Retryable {
			t.Errorf("%s: %+v", line, a.Confirmed)
		}
	}
}

// TestSendsWithoutLabels: an old server's word is the answer to a PING.
func TestSendsWithoutLabels(t *testing.T) {
	b := in(t, "server-time")
	sent, err := b.send("#home", "hello")
	if err != nil || sent.Awaits == nil || lines(sent.Frames) != "PRIVMSG #home :hello\nPING :"+sent.Awaits.Token {
		t.Fatalf("%+v, %v", sent, err)
	}
	pong := ":irc PONG irc :" + sent.Awaits.Token
	if a := b.hears(pong); len(a.Confirmed) != 1 || a.Confirmed[0].Token != sent.Awaits.Token || a.Confirmed[0].Error != nil {
		t.Errorf("the answer: %+v", a.Confirmed)
	}
	if a := b.hears(":irc 401 bot ann :No such nick", ":irc 404 bot #HOME :Cannot send to channel (+m)", pong); len(a.Confirmed) != 1 || wit.CodeOf(a.Confirmed[0].Error) != wit.CodeForbidden {
		t.Errorf("a refusal: %+v", a.Confirmed)
	}
	if a := b.hears(pong); len(a.Confirmed) != 1 || a.Confirmed[0].Error != nil {
		t.Errorf("the next one is refused too: %+v", a.Confirmed)
	}
	if a := b.hears(":irc PONG irc :alive-1", ":irc PONG irc"); len(a.Confirmed) != 0 {
		t.Errorf("any answer confirms: %+v", a.Confirmed)
	}
}

func TestSendsLines(t *testing.T) {
	channeltest.Proves(t, channeltest.LongText)
	b := in(t, allCaps)
	b.config = strings.Replace(b.config, `{`, `{"lineInterval":0,`, 1)
	text := strings.Repeat("wörter 😀 ", 300)
	sent, err := b.send("#home", text)
	if err != nil || len(sent.Frames) < 5 {
		t.Fatalf("%+v, %v", sent, err)
	}
	all := ""
	for _, f := range sent.Frames {
		line := *f.Text
		if strings.HasPrefix(line, "@") {
			_, line, _ = strings.Cut(line, " ")
		}
		if seen := ":bot!~bot@host.example " + line + "\r\n"; len(seen) > 512 || !utf8.ValidString(seen) {
			t.Errorf("others would get a line of %d bytes: %q", len(seen), seen)
		}
		_, said, _ := strings.Cut(line, " :")
		all += said + " "
	}
	if strings.Join(strings.Fields(all), " ") != strings.Join(strings.Fields(text), " ") {
		t.Error("words were lost")
	}
	sent, _ = b.send("#home", "one\r\n\r\n  two\x01\x00\nQUIT\tx")
	if got := lines(sent.Frames); !strings.HasPrefix(got, "PRIVMSG #home :one\nPRIVMSG #home :  two\n") || strings.Contains(got, "\nQUIT") {
		t.Errorf("it says %q", got)
	}
	for _, nothing := range []string{"", " ", "\n\n", "\x02\x02"} {
		if sent, err := b.send("#home", nothing); err != nil || len(sent.Frames) != 0 || sent.Awaits != nil {
			t.Errorf("of %q: %+v, %v", nothing, sent, err)
		}
	}
	for _, bad := range []string{"", "a b", "a,b", ":x", "$*", "#x\r\nQUIT", "#x\x07", strings.Repeat("x", 300)} {
		if _, err := b.send(bad, "x"); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("to %q: %v", bad, err)
		}
	}
	if sent, _ := b.send("~ann", "x"); !strings.HasSuffix(lines(sent.Frames), "PRIVMSG ann :x") {
		t.Errorf("to who has not logged in: %q", lines(sent.Frames))
	}
	file := func(s *wit.ChannelSend) {
		s.Attachments = []wit.Attachment{{Name: new("plan.pdf"), Caption: new("the plan")}}
	}
	if sent, _ := b.send("ann", "see:", file); !strings.Contains(lines(sent.Frames), "PRIVMSG ann :[plan.pdf cannot be sent over IRC]: the plan") {
		t.Errorf("a file: %q", lines(sent.Frames))
	}
}

// TestFormatted: codes are sent as the kernel has set them, go on over the end of a line, and are left out where a room does
// not take them.
func TestFormatted(t *testing.T) {
	channeltest.Proves(t, channeltest.Markup, channeltest.Refusals)
	b := in(t, allCaps)
	formatted := func(text string) func(*wit.ChannelSend) { return func(s *wit.ChannelSend) { s.Formatted = &text } }
	sent, _ := b.send("#home", "a b", formatted("\x02a\x02 \x11b\x11\x01"))
	if !strings.HasSuffix(lines(sent.Frames), ":\x02a\x02 \x11b\x11") {
		t.Errorf("it says %q", lines(sent.Frames))
	}
	sent, _ = b.send("#home", "x", formatted("\x02"+strings.Repeat("long ", 120)+"\x02 end"))
	if got := lines(sent.Frames); len(sent.Frames) != 2 || !strings.Contains(got, "PRIVMSG #home :\x02long") || strings.Count(got, ":\x02") != 2 {
		t.Errorf("it says %q", got)
	}
	a := b.hears("@label=x :irc 408 bot #home :You cannot use colors")
	if len(a.Confirmed) != 1 || !a.Confirmed[0].Error.Retryable {
		t.Errorf("a refusal of codes: %+v", a.Confirmed)
	}
	if sent, _ = b.send("#home", "a b", formatted("\x02a\x02 b")); !strings.HasSuffix(lines(sent.Frames), ":a b") {
		t.Errorf("again it says %q", lines(sent.Frames))
	}
}

// TestPace: five lines go at once, the next ones wait, and more than a few seconds make the send fail.
func TestPace(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	b := in(t, allCaps)
	b.config = strings.Replace(b.config, `{`, `{"lineInterval":10000,`, 1)
	for i := range 5 {
		if _, err := b.send("#home", "x"); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	_, err := b.send("#home", "x")
	if e := wit.AsError(err); wit.CodeOf(err) != wit.CodeRateLimited || !e.Retryable || e.RetryAfter == nil || *e.RetryAfter > 10_000 || *e.RetryAfter < 3000 {
		t.Errorf("the sixth: %+v", e)
	}
}

func TestReactsAndTypes(t *testing.T) {
	channeltest.Proves(t, channeltest.ReactionsOut, channeltest.TypingOut)
	b := in(t, allCaps)
	home := wit.Conversation{ID: "#home"}
	sent, err := irc.New().(channel.Reactor).React(b.host.SDK(), &wit.ChannelReaction{Config: wit.JSON(b.config), State: b.state, To: home, ID: "m1", Emoji: "👍"})
	if err != nil || lines(sent.Frames) != "@+draft/react=👍;+draft/reply=m1 TAGMSG #home" {
		t.Errorf("%+v, %v", sent, err)
	}
	sent, err = irc.New().(channel.Typer).Typing(b.host.SDK(), &wit.ChannelTyping{Config: wit.JSON(b.config), State: b.state, To: home})
	if err != nil || lines(sent.Frames) != "@+typing=active TAGMSG #home" {
		t.Errorf("%+v, %v", sent, err)
	}
	old := in(t, "server-time")
	if _, err := irc.New().(channel.Reactor).React(old.host.SDK(), &wit.ChannelReaction{Config: wit.JSON(old.config), State: old.state, To: home, ID: "m1", Emoji: "👍"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("on an old server: %v", err)
	}
	if sent, err := irc.New().(channel.Typer).Typing(old.host.SDK(), &wit.ChannelTyping{Config: wit.JSON(old.config), State: old.state, To: home}); err != nil || len(sent.Frames) != 0 {
		t.Errorf("on an old server: %+v, %v", sent, err)
	}
}
