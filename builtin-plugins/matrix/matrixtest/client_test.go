package matrixtest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
)

// connect logs a user in with a client that others have written.
func connect(t *testing.T, root, name string) *mautrix.Client {
	t.Helper()
	c, err := mautrix.NewClient(root, "", "")
	if err != nil {
		t.Fatal(err)
	}
	c.DefaultHTTPRetries = 0
	login := &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: name}, Password: name, StoreCredentials: true,
	}
	if _, err := c.Login(t.Context(), login); err != nil {
		t.Fatal(err)
	}
	if me, err := c.Whoami(t.Context()); err != nil || me.UserID != c.UserID {
		t.Fatal(me, err)
	}
	if versions, err := c.Versions(t.Context()); err != nil || !versions.ContainsGreaterOrEqual(mautrix.SpecV111) {
		t.Error(versions, err)
	}
	return c
}

// TestRealClient is the proof that the server is one that a real client library takes for Matrix: it is invited, comes, reads
// what is said, and answers, edits, reacts and takes back.
func TestRealClient(t *testing.T) {
	s := matrixtest.New(matrixtest.Config{})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bot, ann := s.Register("bot", "Bot"), s.Register("ann", "Ann")
	c := connect(t, root, "bot")
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan *event.Event, 100)
	syncer := c.Syncer.(*mautrix.DefaultSyncer)
	syncer.OnEvent(func(_ context.Context, e *event.Event) {
		select {
		case heard <- e:
		default:
		}
	})
	done := make(chan error, 1)
	go func() { done <- c.SyncWithContext(ctx) }()
	next := func(what string, ok func(*event.Event) bool) *event.Event {
		t.Helper()
		for {
			select {
			case e := <-heard:
				if ok(e) {
					return e
				}
			case <-time.After(time.Minute):
				t.Fatalf("the client does not see %s", what)
			}
		}
	}
	room := id.RoomID(ann.CreateRoom(matrixtest.RoomOptions{Name: "Kitchen", Invite: []string{bot.ID}}))
	next("its invitation", func(e *event.Event) bool {
		return e.Type == event.StateMember && e.RoomID == room && e.Content.AsMember().Membership == event.MembershipInvite && e.GetStateKey() == bot.ID
	})
	if _, err := c.JoinRoomByID(ctx, room); err != nil {
		t.Fatal(err)
	}
	ann.Say(room.String(), "hello")
	hello := next("hello", func(e *event.Event) bool {
		return e.Type == event.EventMessage && e.Content.AsMessage().Body == "hello" && e.Sender.String() == ann.ID
	})
	ann.Type(room.String(), true)
	next("that Ann types", func(e *event.Event) bool {
		return e.Type == event.EphemeralEventTyping && slices.Contains(e.Content.AsTyping().UserIDs, id.UserID(ann.ID))
	})
	answers(ctx, t, c, room, hello.ID)
	ann.Leave(room.String())
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// answers has the client do what it can in a room.
func answers(ctx context.Context, t *testing.T, c *mautrix.Client, room id.RoomID, to id.EventID) {
	t.Helper()
	sent, err := c.SendText(ctx, room, "an answer")
	if err != nil {
		t.Fatal(err)
	}
	edit := &event.MessageEventContent{MsgType: event.MsgText, Body: "a better answer"}
	edit.SetEdit(sent.EventID)
	if _, err := c.SendMessageEvent(ctx, room, event.EventMessage, edit); err != nil {
		t.Error(err)
	}
	if _, err := c.SendReaction(ctx, room, to, "👍"); err != nil {
		t.Error(err)
	}
	if _, err := c.SendReaction(ctx, room, to, "👍"); err == nil || !strings.Contains(err.Error(), "M_DUPLICATE_ANNOTATION") {
		t.Errorf("the same reaction twice: %v", err)
	}
	if relations, err := c.GetRelations(ctx, room, to, &mautrix.ReqGetRelations{RelationType: event.RelAnnotation, EventType: event.EventReaction}); err != nil || len(relations.Chunk) != 1 {
		t.Error(relations, err)
	}
	if e, err := c.GetEvent(ctx, room, sent.EventID); err != nil || e.Sender != c.UserID {
		t.Error(e, err)
	}
	if _, err := c.RedactEvent(ctx, room, sent.EventID); err != nil {
		t.Error(err)
	}
	if _, err := c.UserTyping(ctx, room, true, time.Second); err != nil {
		t.Error(err)
	}
	if err := c.MarkRead(ctx, room, to); err != nil {
		t.Error(err)
	}
	page, err := c.Messages(ctx, room, "", "", mautrix.DirectionBackward, nil, 3)
	if err != nil || len(page.Chunk) != 3 || page.End == "" || page.Chunk[0].Type != event.EventRedaction {
		t.Error(page, err)
	}
	if members, err := c.JoinedMembers(ctx, room); err != nil || len(members.Joined) != 2 {
		t.Error(members, err)
	}
	var name event.RoomNameEventContent
	if err := c.StateEvent(ctx, room, event.StateRoomName, "", &name); err != nil || name.Name != "Kitchen" {
		t.Error(name, err)
	}
}

// TestRealClientFiles has the client put a file onto the server and fetch it, and meet limits and refusals.
func TestRealClientFiles(t *testing.T) {
	s := matrixtest.New(matrixtest.Config{UploadLimit: 10})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Register("ann", "Ann")
	c := connect(t, root, "ann")
	put, err := c.UploadBytesWithName(t.Context(), []byte("PNG!"), "image/png", "p.png")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := c.DownloadBytes(t.Context(), put.ContentURI); err != nil || !bytes.Equal(data, []byte("PNG!")) {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := c.UploadBytes(t.Context(), []byte("far too much"), "text/plain"); !errors.Is(err, mautrix.MTooLarge) {
		t.Errorf("a large file: %v", err)
	}
	made, err := c.CreateRoom(t.Context(), &mautrix.ReqCreateRoom{Name: "Hall", Preset: "private_chat"})
	if err != nil {
		t.Fatal(err)
	}
	s.Fail(matrixtest.Fault{Call: "send", Status: 429, Errcode: "M_LIMIT_EXCEEDED", RetryAfter: 100})
	if _, err := c.SendText(t.Context(), made.RoomID, "too fast"); !errors.Is(err, mautrix.MLimitExceeded) {
		t.Errorf("too fast: %v", err)
	}
	if _, err := c.SendText(t.Context(), "!none:test.local", "x"); !errors.Is(err, mautrix.MForbidden) {
		t.Errorf("no room: %v", err)
	}
	if _, err := c.CreateRoom(t.Context(), &mautrix.ReqCreateRoom{Invite: []id.UserID{"@nobody:test.local"}}); !errors.Is(err, mautrix.MForbidden) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := c.Logout(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Whoami(t.Context()); err == nil {
		t.Error("the token is good after the end of the login")
	}
}
