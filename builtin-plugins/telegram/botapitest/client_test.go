package botapitest_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
)

// TestRealClient is the proof that the server is one that a real client library takes for Telegram.
func TestRealClient(t *testing.T) {
	s := botapitest.New(botapitest.Config{ChatInterval: time.Hour})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	replied, limited := make(chan *models.Message, 1), make(chan error, 1)
	b, err := bot.New(s.Token(), bot.WithServerURL(root),
		bot.WithErrorsHandler(func(error) {}),
		bot.WithDefaultHandler(func(ctx context.Context, b *bot.Bot, u *models.Update) {
			params := &bot.SendMessageParams{
				ChatID: u.Message.Chat.ID, Text: "<b>echo</b> " + u.Message.Text, ParseMode: models.ParseModeHTML,
				ReplyParameters: &models.ReplyParameters{MessageID: u.Message.ID},
			}
			m, err := b.SendMessage(ctx, params)
			if err != nil {
				limited <- err
				return
			}
			replied <- m
		}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.Start(ctx) }()
	s.DM(ada, "hello")
	m := <-replied
	if m.Text != "echo hello" || m.ReplyToMessage == nil || m.ReplyToMessage.Text != "hello" || m.Entities[0].Type != models.MessageEntityTypeBold {
		t.Errorf("the client got %+v", m)
	}
	s.DM(ada, "too fast")
	tooMany := (*bot.TooManyRequestsError)(nil)
	if err := <-limited; !errors.As(err, &tooMany) || tooMany.RetryAfter < 3590 {
		t.Errorf("second answer: %v", err)
	}
	cancel()
	<-done
}

func TestRealClientMethods(t *testing.T) {
	s := botapitest.New(botapitest.Config{})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := bot.New(s.Token(), bot.WithServerURL(root))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	in := s.DM(ada, "hi")
	me, err := b.GetMe(ctx)
	if err != nil || me.Username != s.Bot().Username {
		t.Fatal(me, err)
	}
	_, err = b.SendPhoto(ctx, &bot.SendPhotoParams{ChatID: 7, Caption: "a picture", Photo: &models.InputFileUpload{Filename: "p.jpg", Data: bytes.NewReader([]byte{1, 2})}})
	if err != nil {
		t.Error(err)
	}
	if _, err = b.SetMessageReaction(ctx, &bot.SetMessageReactionParams{ChatID: 7, MessageID: int(in.MessageID), Reaction: []models.ReactionType{{Type: models.ReactionTypeTypeEmoji, ReactionTypeEmoji: &models.ReactionTypeEmoji{Type: "emoji", Emoji: "👍"}}}}); err != nil {
		t.Error(err)
	}
	if _, err = b.SendChatAction(ctx, &bot.SendChatActionParams{ChatID: 7, Action: models.ChatActionTyping}); err != nil {
		t.Error(err)
	}
	if _, err = b.SetMyCommands(ctx, &bot.SetMyCommandsParams{Commands: []models.BotCommand{{Command: "new", Description: "start again"}}}); err != nil || len(s.Menu("default")) != 1 {
		t.Error(err, s.Menu("default"))
	}
	asked, err := b.SendPoll(ctx, &bot.SendPollParams{ChatID: 7, Question: "Tea?", Options: []models.InputPollOption{{Text: "yes"}, {Text: "no"}}, IsAnonymous: bot.False(), AllowsMultipleAnswers: true})
	if err != nil || asked.Poll == nil || asked.Poll.Question != "Tea?" || asked.Poll.Options[1].Text != "no" || asked.Poll.IsAnonymous || !asked.Poll.AllowsMultipleAnswers {
		t.Errorf("a poll: %+v, %v", asked, err)
	}
	s.Block(7, "bot was blocked by the user")
	if _, err = b.SendMessage(ctx, &bot.SendMessageParams{ChatID: 7, Text: "x"}); !errors.Is(err, bot.ErrorForbidden) {
		t.Errorf("blocked: %v", err)
	}
}
