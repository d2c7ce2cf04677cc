package slacktest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
)

// listening is a workspace with Ada and a channel, and a client of the library that talks to it.
func listening(t *testing.T, cfg slacktest.Config) (*slacktest.Server, *slack.Client) {
	t.Helper()
	s := slacktest.New(cfg)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AddUser(slacktest.User{ID: "U0ADA", Name: "ada", RealName: "Ada"})
	s.AddChannel(slacktest.Channel{ID: "C0CLUB", Name: "club"})
	return s, slack.New(s.BotToken(), slack.OptionAPIURL(root+"/api/"), slack.OptionAppLevelToken(s.AppToken()))
}

// TestRealClientOverASocket is the proof that the server is one that a real client library takes for Slack in Socket Mode.
func TestRealClientOverASocket(t *testing.T) {
	s, api := listening(t, slacktest.Config{Grace: 50 * time.Millisecond})
	client := socketmode.New(api)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = client.RunContext(ctx) }()
	defer func() { cancel(); <-done }()
	s.DM("U0ADA", "hello")
	s.Command("D0ADA", "U0ADA", "/carapace", "help")
	var kinds []string
	hear := func(kind string) (first bool) { // what the client had no time to acknowledge comes again
		if first = !slices.Contains(kinds, kind); first {
			kinds = append(kinds, kind)
		}
		return first
	}
	for len(kinds) < 4 {
		e := <-client.Events
		switch e.Type {
		case socketmode.EventTypeEventsAPI:
			m, ok := e.Data.(slackevents.EventsAPIEvent).InnerEvent.Data.(*slackevents.MessageEvent)
			_ = client.Ack(*e.Request)
			switch {
			case ok && m.BotID == "":
				hear("message " + m.Text + " from " + m.User + " in " + m.ChannelType)
			case ok:
				hear("mine")
			}
		case socketmode.EventTypeSlashCommand:
			c := e.Data.(slack.SlashCommand)
			_ = client.Ack(*e.Request, map[string]any{"response_type": "in_channel"})
			if hear("command " + c.Command + " " + c.Text) {
				pressAfterAsking(t, s, api, c.ChannelID)
			}
		case socketmode.EventTypeInteractive:
			c := e.Data.(slack.InteractionCallback)
			_ = client.Ack(*e.Request)
			hear("press " + c.ActionCallback.BlockActions[0].Value)
		}
	}
	want := []string{"message hello from U0ADA in im", "command /carapace help", "mine", "press yes"}
	if !slices.Equal(kinds, want) {
		t.Errorf("the client heard %q, want %q", kinds, want)
	}
}

// pressAfterAsking has the client post a button, and Ada press it once Slack has said that it will close the connection.
func pressAfterAsking(t *testing.T, s *slacktest.Server, api *slack.Client, channel string) {
	t.Helper()
	button := slack.NewButtonBlockElement("a1", "yes", slack.NewTextBlockObject("plain_text", "Yes", false, false))
	_, ts, err := api.PostMessageContext(t.Context(), channel, slack.MsgOptionText("sure?", false), slack.MsgOptionBlocks(slack.NewActionBlock("b", button)))
	if err != nil {
		t.Fatal(err)
	}
	shown, _ := s.Posts("U0ADA")[0].Button("Yes")
	s.Disconnect("warning")
	s.Press("D0ADA", ts, "U0ADA", shown)
}

// TestRealClientVerifiesCalls: the library takes the calls of the webhook for Slack's, and no others.
func TestRealClientVerifiesCalls(t *testing.T) {
	s, _ := listening(t, slacktest.Config{RetryDelay: 10 * time.Millisecond})
	got, calls := make(chan string, 10), 0
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		verifier, err := slack.NewSecretsVerifier(r.Header, s.SigningSecret())
		if err == nil {
			_, _ = verifier.Write(body)
			err = verifier.Ensure()
		}
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			if c, err := slack.SlashCommandParse(r); err != nil || c.Command == "" {
				t.Errorf("%+v, %v", c, err)
			} else {
				got <- "command " + c.Text
			}
			return
		}
		event, err := slackevents.ParseEvent(body, slackevents.OptionNoVerifyToken())
		if err != nil {
			t.Error(err)
		}
		switch event.Type {
		case slackevents.URLVerification:
			_, _ = io.WriteString(w, event.Data.(*slackevents.EventsAPIURLVerificationEvent).Challenge)
		case slackevents.CallbackEvent:
			if calls++; calls == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			got <- "message " + event.InnerEvent.Data.(*slackevents.MessageEvent).Text + " " + r.Header.Get("X-Slack-Retry-Num")
		}
	}))
	defer app.Close()
	if err := s.Subscribe(t.Context(), app.URL); err != nil {
		t.Fatal(err)
	}
	s.DM("U0ADA", "hello")
	s.Command("D0ADA", "U0ADA", "/carapace", "help me")
	if first, second := <-got, <-got; first != "message hello 1" || second != "command help me" {
		t.Errorf("%q, %q", first, second)
	}
	if err := s.Subscribe(t.Context(), app.URL+"/%zz"); err == nil {
		t.Error("an address that answers no challenge was taken")
	}
}

func TestRealClientMethods(t *testing.T) {
	s, api := listening(t, slacktest.Config{})
	ctx := t.Context()
	me, err := api.AuthTestContext(ctx)
	if err != nil || me.UserID != s.Bot().ID || me.BotID == "" {
		t.Fatal(me, err)
	}
	channel, ts, err := api.PostMessageContext(ctx, "C0CLUB", slack.MsgOptionText("*hi*", false),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "kind", EventPayload: map[string]any{"key": "k"}}))
	if err != nil || channel != "C0CLUB" {
		t.Fatal(err)
	}
	if _, _, _, err = api.UpdateMessageContext(ctx, channel, ts, slack.MsgOptionText("new", false)); err != nil {
		t.Error(err)
	}
	if err = api.AddReactionContext(ctx, "tada", slack.NewRefToMessage(channel, ts)); err != nil {
		t.Error(err)
	}
	if err = api.AddReactionContext(ctx, "tada", slack.NewRefToMessage(channel, ts)); err == nil || err.Error() != "already_reacted" {
		t.Errorf("twice: %v", err)
	}
	list, err := api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: channel, IncludeAllMetadata: true})
	if err != nil || len(list.Messages) != 1 || list.Messages[0].Text != "new" || list.Messages[0].Reactions[0].Name != "tada" || list.Messages[0].Metadata.EventType != "kind" {
		t.Errorf("%+v, %v", list, err)
	}
	file, err := api.UploadFileContext(ctx, slack.UploadFileParameters{Channel: channel, ThreadTimestamp: ts, Filename: "a.txt", FileSize: 5, Reader: strings.NewReader("bytes"), Title: "a"})
	if err != nil || file.ID == "" {
		t.Errorf("%+v, %v", file, err)
	}
	posts := s.Posts(channel)
	if last := posts[len(posts)-1]; last.ThreadTS != ts || len(last.Files) != 1 || string(last.Files[0].Data) != "bytes" {
		t.Errorf("%+v", last)
	}
	var got strings.Builder
	if err = api.GetFileContext(ctx, posts[len(posts)-1].Files[0].URLPrivateDownload, &got); err != nil || got.String() != "bytes" {
		t.Errorf("%q, %v", got.String(), err)
	}
	dm, _, _, err := api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{"U0ADA"}})
	if err != nil || dm.ID != "D0ADA" {
		t.Errorf("%+v, %v", dm, err)
	}
	if user, err := api.GetUserInfoContext(ctx, "U0ADA"); err != nil || user.RealName != "Ada" {
		t.Errorf("%+v, %v", user, err)
	}
	if info, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel}); err != nil || info.Name != "club" || !info.IsChannel {
		t.Errorf("%+v, %v", info, err)
	}
	if _, _, err = api.DeleteMessageContext(ctx, channel, ts); err != nil {
		t.Error(err)
	}
	s.Fail(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: 7})
	limited := (*slack.RateLimitedError)(nil)
	if _, _, err = api.PostMessageContext(ctx, channel, slack.MsgOptionText("x", false)); !errors.As(err, &limited) || limited.RetryAfter != 7*time.Second {
		t.Errorf("too fast: %v", err)
	}
	if _, err = slack.New("xoxb-wrong", slack.OptionAPIURL(s.Root()+"/api/")).AuthTestContext(ctx); err == nil || err.Error() != "invalid_auth" {
		t.Errorf("a wrong token: %v", err)
	}
}
