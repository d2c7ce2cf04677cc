// Package mattermost drives the test server of Mattermost with Mattermost's own client library for Go, so that the server is known to
// speak as the real one does.
package mattermost

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
)

var (
	ada  = mattermosttest.User{ID: "ada00000000000000000000001", Username: "ada", FirstName: "Ada", LastName: "Lovelace"}
	club = mattermosttest.Channel{ID: "club0000000000000000000001", Name: "club", DisplayName: "The Club"}
)

// begin is a server with somebody and a channel, and a client of the bot's.
func begin(t *testing.T, c mattermosttest.Config) (*mattermosttest.Server, *model.Client4) {
	t.Helper()
	s := mattermosttest.New(c)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AddUser(ada)
	s.AddChannel(club)
	client := model.NewAPIv4Client(root)
	client.SetToken(s.Token())
	return s, client
}

// must fails the test where a call did.
func must[T any](t *testing.T) func(T, *model.Response, error) T {
	return func(v T, _ *model.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestPosts(t *testing.T) {
	s, client := begin(t, mattermosttest.Config{})
	ctx, post := t.Context(), must[*model.Post](t)
	me := must[*model.User](t)(client.GetMe(ctx, ""))
	if me.Id != s.Bot().ID || !me.IsBot {
		t.Errorf("me is %+v", me)
	}
	if c := must[map[string]string](t)(client.GetClientConfig(ctx, "")); c["MaxPostSize"] != "16383" {
		t.Errorf("settings %v", c)
	}
	direct := must[*model.Channel](t)(client.CreateDirectChannel(ctx, me.Id, ada.ID))
	if direct.Type != model.ChannelTypeDirect || direct.GetOtherUserIdForDM(me.Id) != ada.ID {
		t.Errorf("direct channel %+v", direct)
	}
	said := s.DM(ada.ID, "hello")
	f := must[*model.FileUploadResponse](t)(client.UploadFile(ctx, []byte("PNG!"), direct.Id, "cat.png"))
	first := post(client.CreatePost(ctx, &model.Post{ChannelId: direct.Id, Message: "**hi**", PendingPostId: me.Id + ":1", FileIds: model.StringArray{f.FileInfos[0].Id}}))
	again := post(client.CreatePost(ctx, &model.Post{ChannelId: direct.Id, Message: "**hi**", PendingPostId: me.Id + ":1"}))
	if again.Id != first.Id || first.PendingPostId != me.Id+":1" || len(first.Metadata.Files) != 1 {
		t.Errorf("posted %+v, and again %+v", first, again)
	}
	if data := must[[]byte](t)(client.GetFile(ctx, f.FileInfos[0].Id)); string(data) != "PNG!" {
		t.Errorf("the file is %q", data)
	}
	reply := post(client.CreatePost(ctx, &model.Post{ChannelId: direct.Id, Message: "below", RootId: said.ID}))
	changed := post(client.PatchPost(ctx, reply.Id, &model.PostPatch{Message: model.NewPointer("changed")}))
	if changed.Message != "changed" || changed.EditAt == 0 || changed.RootId != said.ID {
		t.Errorf("changed %+v", changed)
	}
	list := must[*model.PostList](t)(client.GetPostsForChannel(ctx, direct.Id, 0, 2, "", false, false))
	if !slices.Equal(list.Order, []string{reply.Id, first.Id}) || list.PrevPostId != said.ID || list.Posts[said.ID] == nil {
		t.Errorf("a page %v, before it %s", list.Order, list.PrevPostId)
	}
	if _, err := client.DeletePost(ctx, first.Id); err != nil {
		t.Error(err)
	}
	if list = must[*model.PostList](t)(client.GetPostsSince(ctx, direct.Id, said.CreateAt, false)); len(list.Order) != 2 || list.Posts[first.Id].DeleteAt == 0 {
		t.Errorf("since then %v", list.Order)
	}
	if list = must[*model.PostList](t)(client.GetPostsAfter(ctx, direct.Id, said.ID, 0, 10, "", false, false)); !slices.Equal(list.Order, []string{reply.Id}) {
		t.Errorf("behind it %v", list.Order)
	}
}

func TestRest(t *testing.T) {
	s, client := begin(t, mattermosttest.Config{})
	ctx := t.Context()
	p := s.Say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "x"})
	made := must[*model.Reaction](t)(client.SaveReaction(ctx, &model.Reaction{UserId: s.Bot().ID, PostId: p.ID, EmojiName: "tada"}))
	if list := must[[]*model.Reaction](t)(client.GetReactions(ctx, p.ID)); len(list) != 1 || list[0].EmojiName != "tada" || made.CreateAt == 0 {
		t.Errorf("reactions %v", list)
	}
	if _, err := client.DeleteReaction(ctx, &model.Reaction{UserId: s.Bot().ID, PostId: p.ID, EmojiName: "tada"}); err != nil || len(s.Reactions(p.ID, s.Bot().ID)) != 0 {
		t.Error(err)
	}
	if _, err := client.PublishUserTyping(ctx, "me", model.TypingRequest{ChannelId: club.ID}); err != nil {
		t.Error(err)
	}
	if list := must[[]*model.Channel](t)(client.GetChannelsForUserWithLastDeleteAt(ctx, "me", 0)); len(list) != 1 || list[0].LastPostAt != p.CreateAt {
		t.Errorf("channels %v", list)
	}
	if list := must[[]*model.User](t)(client.GetUsersByIds(ctx, []string{ada.ID})); len(list) != 1 || list[0].Username != "ada" {
		t.Errorf("people %v", list)
	}
	if list := must[[]*model.User](t)(client.SearchUsers(ctx, &model.UserSearch{Term: "love"})); len(list) != 1 || list[0].LastName != "Lovelace" {
		t.Errorf("people %v", list)
	}
	for id, status := range map[string]int{"none0000000000000000000009": 404, p.ID: 403} {
		_, err := client.DeletePost(ctx, id)
		refused, ok := err.(*model.AppError)
		if !ok || refused.StatusCode != status || refused.Id == "" {
			t.Errorf("%s: %v", id, err)
		}
	}
	client.SetToken("another")
	if _, response, err := client.GetMe(ctx, ""); err == nil || response.StatusCode != 401 {
		t.Errorf("another token: %v", err)
	}
}

// TestWebsocket: the reference client listens, breaks off, and goes on where it was.
func TestWebsocket(t *testing.T) {
	s, _ := begin(t, mattermosttest.Config{})
	address := strings.Replace(s.Root(), "http", "ws", 1)
	client, err := model.NewWebSocketClient4(address, s.Token())
	if err != nil {
		t.Fatal(err)
	}
	client.Listen()
	next := func(c *model.WebSocketClient) *model.WebSocketEvent {
		t.Helper()
		select {
		case e, open := <-c.EventChannel:
			if open {
				return e
			}
		case <-time.After(time.Minute): // it only bounds a failing test
		}
		t.Fatalf("no event comes: %v", c.ListenError)
		return nil
	}
	hello := next(client)
	id, _ := hello.GetData()["connection_id"].(string)
	if hello.EventType() != model.WebsocketEventHello || hello.GetSequence() != 0 || !model.IsValidId(id) {
		t.Fatalf("first comes %+v", hello)
	}
	if r := <-client.ResponseChannel; r.Status != model.StatusOk || r.SeqReply != 1 {
		t.Errorf("the challenge is answered %+v", r)
	}
	s.DM(ada.ID, "one")
	posted := next(client)
	if p := posted.GetData()["post"].(string); posted.EventType() != model.WebsocketEventPosted || posted.GetSequence() != 1 || !strings.Contains(p, `"message":"one"`) {
		t.Errorf("then %+v", posted)
	}
	client.SendMessage("ping", nil)
	if r := <-client.ResponseChannel; r.Data["text"] != "pong" {
		t.Errorf("the ping is answered %+v", r)
	}
	client.Close()
	if err := s.Wait(t.Context(), func() bool { return !s.Connected() }); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		s.DM(ada.ID, fmt.Sprint(i))
	}
	again, err := model.NewReliableWebSocketClientWithDialer(websocket.DefaultDialer, address, s.Token(), id, int(posted.GetSequence())+1, true)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	again.Listen()
	for i := range 3 {
		if e := next(again); e.GetSequence() != int64(i+2) || !strings.Contains(e.GetData()["post"].(string), fmt.Sprintf(`"message":"%d"`, i)) {
			t.Errorf("then %+v", e)
		}
	}
	if stats := s.Stats(); stats.Begun != 1 || stats.Resumed != 1 {
		t.Errorf("%+v", stats)
	}
}
