package matrix_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// crowd are people on a real server who write to an account.
type crowd struct {
	server *synapse
	bot    *person

	mu     sync.Mutex
	people []*person
	rooms  []string
}

var _ channeltest.Platform = (*crowd)(nil)

func newCrowd(t *testing.T, people int) *crowd {
	t.Helper()
	s := start(t)
	c := &crowd{server: s, bot: s.register("bot")}
	for i := range people {
		c.people = append(c.people, s.register(fmt.Sprint("person", i)))
	}
	return c
}

// Account implements channeltest.Platform.
func (c *crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "matrix", Deduplicates: true, Secrets: map[string]string{"accessToken": c.bot.token},
		Config: map[string]any{"homeserver": c.server.url, "inviters": "*:localhost"},
	}
}

// Say implements channeltest.Platform. Somebody's first words come with the invitation, before the bot is there.
func (c *crowd) Say(person int, text string) {
	c.mu.Lock()
	for len(c.rooms) <= person {
		c.rooms = append(c.rooms, "")
	}
	if c.rooms[person] == "" {
		c.rooms[person] = c.people[person].room(content{"is_direct": true}, c.bot.id)
	}
	room := c.rooms[person]
	c.mu.Unlock()
	c.people[person].say(room, text)
}

// Heard implements channeltest.Platform.
func (c *crowd) Heard() (heard []channeltest.Heard) {
	c.mu.Lock()
	rooms := slices.Clone(c.rooms)
	c.mu.Unlock()
	for i, room := range rooms {
		list, err := c.people[i].history(room)
		if err != nil {
			continue
		}
		for _, e := range list {
			if text, ok := e.Content["body"].(string); ok && e.Sender == c.bot.id {
				heard = append(heard, channeltest.Heard{Person: i, Text: text, At: time.UnixMilli(e.Time)})
			}
		}
	}
	return heard
}

// Trouble implements channeltest.Platform: the server is ended and begins again.
func (c *crowd) Trouble(on bool) {
	if !on {
		c.server.restart()
	}
}

// Connected implements channeltest.Platform: nobody but the bot can see that.
func (c *crowd) Connected() bool { return true }

// Wait implements channeltest.Platform. The server tells nobody.
func (c *crowd) Wait(ctx context.Context, ok func() bool) error {
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// Close implements channeltest.Platform.
func (c *crowd) Close() error { return nil }

// TestStorm has people write while the plugin is upgraded twice and the gateway is started again, and the server too.
func TestStorm(t *testing.T) {
	storm.Run(t, newCrowd(t, 6), root, storm.Options{Messages: 60, People: 6})
}

// model answers with what it was asked last, and remembers the requests.
type model struct {
	mu    sync.Mutex
	asked []string
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		fmt.Fprint(w, `{"data":[{"id":"m"}]}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	m.asked = append(m.asked, string(body))
	m.mu.Unlock()
	var in struct{ Messages []struct{ Content any } }
	_ = json.Unmarshal(body, &in)
	last, _ := in.Messages[len(in.Messages)-1].Content.(string)
	answer, _ := json.Marshal("**Heard**: " + last)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", answer)
}

// last is the last request.
func (m *model) last() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.asked) == 0 {
		return ""
	}
	return m.asked[len(m.asked)-1]
}

// talk is a gateway whose assistant says what it hears, with somebody in a direct room with it.
type talk struct {
	*crowd
	t             *testing.T
	g             *storm.Gateway
	model         *model
	ann           *person
	room          string
	state, fields string // of the gateway
}

func newTalk(t *testing.T) *talk {
	c := newCrowd(t, 2)
	m := &model{}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	k := &talk{crowd: c, t: t, model: m, ann: c.people[0], state: t.TempDir(),
		fields: fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":"%s/v1","model":"m"}}}`, server.URL)}
	k.begin()
	return k
}

// begin starts the gateway, for the first time or again.
func (k *talk) begin() {
	k.g = storm.Start(k.t, k.crowd, root, k.state, k.fields)
	k.g.MustCall("plugins.configure", map[string]any{"id": "openai", "secrets": map[string]string{"api_key": "sk-test"}}, nil)
	k.g.MustCall("plugins.configure", map[string]any{"id": "matrix", "account": "default", "access": map[string]any{"dmPolicy": "open", "groupPolicy": "open"}}, nil)
}

// reads waits until somebody reads a text of the bot's in a room.
func (k *talk) reads(room, text string) event {
	k.t.Helper()
	return k.ann.sees(room, "the text "+text, func(e event) bool {
		body, _ := e.Content["body"].(string)
		return e.Sender == k.bot.id && strings.Contains(body, text)
	})
}

// act has the gateway do something with a message.
func (k *talk) act(action string, params content) {
	k.t.Helper()
	k.g.MustCall("message.action", map[string]any{"channel": "matrix", "action": action, "params": params, "idempotencyKey": fmt.Sprint(action, params)}, nil)
}

// relation is what an event relates to.
func relation(e event) content {
	rel, _ := e.Content["m.relates_to"].(map[string]any)
	return rel
}

// TestConversation goes through what people do, against the real server.
func TestConversation(t *testing.T) {
	k := newTalk(t)
	ann := k.ann
	k.room = ann.room(content{"is_direct": true}, k.bot.id)
	first := ann.say(k.room, "hello before you came")
	answer := k.reads(k.room, "Heard: hello before you came")
	if answer.Content["formatted_body"] == nil || !strings.Contains(answer.Content["formatted_body"].(string), "<strong>Heard</strong>") {
		t.Errorf("the answer is %v", answer.Content)
	}
	t.Run("changes", func(t *testing.T) { k.changes(t, first, answer.ID) })
	t.Run("files", k.files)
	t.Run("threads and replies", func(t *testing.T) { k.threads(t, first) })
	t.Run("a long text", k.long)
	t.Run("a group", k.group)
	t.Run("an encrypted room", k.encrypted)
	t.Run("somebody new", k.opened)
	t.Run("more than a sync holds", k.away)
	t.Run("the server begins again", func(t *testing.T) {
		k.server.stop()
		k.g.MustCall("send", map[string]any{"channel": "matrix", "to": "user:" + k.room, "message": "said while it was away", "idempotencyKey": "away"}, nil)
		k.server.run()
		ann.say(k.room, "are you back?")
		k.reads(k.room, "said while it was away")
		k.reads(k.room, "Heard: are you back?")
	})
	t.Run("a token that has ended", func(t *testing.T) {
		k.bot.must("POST", "/_matrix/client/v3/logout", content{}, nil)
		k.until("it says so", func(s channel.AccountStatus) bool {
			return !s.Connected && strings.Contains(s.LastError+fmt.Sprint(s), "carapace setup matrix")
		})
		k.g.MustCall("plugins.configure", map[string]any{"id": "matrix", "account": "default", "secrets": map[string]string{"accessToken": k.server.login("bot")}}, nil)
		k.until("it is back", func(s channel.AccountStatus) bool { return s.Connected })
	})
}

// until waits for how the account stands.
func (k *talk) until(what string, ok func(channel.AccountStatus) bool) {
	k.t.Helper()
	err := k.Wait(k.t.Context(), func() bool {
		var s channel.StatusResult
		k.g.MustCall("channels.status", map[string]any{}, &s)
		return len(s.ChannelAccounts["matrix"]) > 0 && ok(s.ChannelAccounts["matrix"][0])
	})
	if err != nil {
		k.t.Fatalf("waited in vain until %s: %v", what, err)
	}
}

// changes: the bot edits, reacts, takes back and types.
func (k *talk) changes(t *testing.T, asked, answered string) {
	to := "user:" + k.room
	k.act("edit", content{"to": to, "messageId": answered, "message": "It is *better* so"})
	edit := k.reads(k.room, "* It is better so")
	if fresh, _ := edit.Content["m.new_content"].(map[string]any); relation(edit)["event_id"] != answered || fresh["body"] != "It is better so" {
		t.Errorf("edited by %v", edit.Content)
	}
	reaction := func() (list []event) {
		all, err := k.ann.history(k.room)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all, func(e event) bool { return e.Type != "m.reaction" || relation(e)["key"] == nil })
	}
	for range 2 { // the second is there already
		k.act("react", content{"to": to, "messageId": asked, "emoji": "👍"})
	}
	if list := reaction(); len(list) != 1 || relation(list[0])["key"] != "👍" || relation(list[0])["event_id"] != asked {
		t.Errorf("reactions %v", list)
	}
	k.act("react", content{"to": to, "messageId": asked, "emoji": "👍", "remove": true})
	if list := reaction(); len(list) != 0 {
		t.Errorf("reactions %v are left", list)
	}
	k.act("delete", content{"to": to, "messageId": answered})
	k.ann.sees(k.room, "that it is taken back", func(e event) bool { return e.ID == answered && len(e.Content) == 0 })
}

// files go both ways through the server's content repository.
func (k *talk) files(t *testing.T) {
	picture := append([]byte("\x89PNG\r\n\x1a\n"), []byte(strings.Repeat("\x00\xff picture", 5000))...)
	var put struct {
		URI string `json:"content_uri"`
	}
	k.ann.must("POST", "/_matrix/media/v3/upload?filename=p.png", picture, &put)
	k.ann.send(k.room, "m.room.message", content{"msgtype": "m.image", "body": "what is this?", "filename": "p.png", "url": put.URI, "info": content{"mimetype": "image/png"}})
	want := base64.StdEncoding.EncodeToString(picture)
	if err := k.Wait(t.Context(), func() bool { return strings.Contains(k.model.last(), "what is this?") }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(k.model.last(), want) {
		t.Errorf("the model was asked %.300s", k.model.last())
	}
	k.g.MustCall("send", map[string]any{"channel": "matrix", "to": "user:" + k.room, "message": "here it is", "buffer": want, "filename": "back.png", "contentType": "image/png", "idempotencyKey": "file"}, nil)
	sent := k.reads(k.room, "here it is")
	uri, _ := sent.Content["url"].(string)
	req, _ := http.NewRequest("GET", k.server.url+"/_matrix/client/v1/media/download/"+strings.TrimPrefix(uri, "mxc://"), nil)
	req.Header.Set("Authorization", "Bearer "+k.ann.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, _ := io.ReadAll(res.Body)
	if sent.Content["msgtype"] != "m.image" || sent.Content["filename"] != "back.png" || string(got) != string(picture) || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("sent %v, %d bytes of %q", sent.Content, len(got), res.Header.Get("Content-Type"))
	}
}

// threads: what is said in a thread is answered there; and a thread that the server does not take is no reason to say nothing.
func (k *talk) threads(t *testing.T, first string) {
	k.ann.send(k.room, "m.room.message", content{"msgtype": "m.text", "body": "in a thread", "m.relates_to": content{
		"rel_type": "m.thread", "event_id": first, "is_falling_back": true, "m.in_reply_to": content{"event_id": first}}})
	if rel := relation(k.reads(k.room, "Heard: in a thread")); rel["rel_type"] != "m.thread" || rel["event_id"] != first {
		t.Errorf("answered as %v", rel)
	}
	mine := k.ann.say(k.room, "the number is 41")
	k.reads(k.room, "Heard: the number is 41")
	k.ann.send(k.room, "m.room.message", content{"msgtype": "m.text", "body": "and this?", "m.relates_to": content{"m.in_reply_to": content{"event_id": mine}}})
	k.reads(k.room, "and this?")
	if !strings.Contains(k.model.last(), "the number is 41") {
		t.Errorf("the model was asked %s", k.model.last())
	}
	reply := k.ann.send(k.room, "m.room.message", content{"msgtype": "m.text", "body": "reply", "m.relates_to": content{"rel_type": "m.thread", "event_id": first}})
	k.g.MustCall("send", map[string]any{"channel": "matrix", "to": "user:" + k.room, "threadId": reply, "message": "no thread begins here", "idempotencyKey": "thread"}, nil)
	if rel := relation(k.reads(k.room, "no thread begins here")); rel != nil {
		t.Errorf("sent as %v", rel)
	}
}

// long: a text of 60 KB is cut, and its pieces come in order.
func (k *talk) long(t *testing.T) {
	var text strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&text, "word%04d \"&\" ", i)
	}
	k.g.MustCall("send", map[string]any{"channel": "matrix", "to": "user:" + k.room, "message": text.String(), "idempotencyKey": "long"}, nil)
	k.reads(k.room, "word5999")
	list, err := k.ann.history(k.room)
	if err != nil {
		t.Fatal(err)
	}
	got, pieces := "", 0
	for _, e := range list {
		if body, _ := e.Content["body"].(string); e.Sender == k.bot.id && strings.Contains(body, "\"&\"") {
			got, pieces = got+" "+body, pieces+1
		}
	}
	if strings.Join(strings.Fields(got), " ") != strings.TrimSpace(text.String()) || pieces < 4 {
		t.Errorf("%d pieces of %d bytes in all", pieces, len(got))
	}
}

// group: in a room of three the bot answers who addresses it, and the room goes on when it is upgraded.
func (k *talk) group(t *testing.T) {
	bob := k.people[1]
	room := k.ann.room(content{"name": "Kitchen"}, bob.id, k.bot.id)
	bob.must("POST", in(room)+"/join", content{}, nil)
	k.ann.sees(room, "the bot", func(e event) bool {
		return e.Type == "m.room.member" && e.Key == k.bot.id && e.Content["membership"] == "join"
	})
	bob.say(room, "nothing for it")
	bob.send(room, "m.room.message", content{"msgtype": "m.text", "body": "Bot: you", "m.mentions": content{"user_ids": []string{k.bot.id}}})
	k.reads(room, "Bot: you")
	var upgraded struct {
		Room string `json:"replacement_room"`
	}
	k.ann.must("POST", in(room)+"/upgrade", content{"new_version": "12"}, &upgraded)
	k.ann.must("POST", in(upgraded.Room)+"/invite", content{"user_id": k.bot.id}, nil)
	k.ann.must("POST", in(upgraded.Room)+"/invite", content{"user_id": bob.id}, nil)
	bob.must("POST", in(upgraded.Room)+"/join", content{}, nil)
	bob.send(upgraded.Room, "m.room.message", content{"msgtype": "m.text", "body": "and here", "m.mentions": content{"user_ids": []string{k.bot.id}}})
	k.reads(upgraded.Room, "and here")
	k.g.MustCall("send", map[string]any{"channel": "matrix", "to": "group:" + room, "message": "to the old one", "idempotencyKey": "moved"}, nil)
	k.reads(upgraded.Room, "to the old one")
	k.ann.must("POST", in(upgraded.Room)+"/kick", content{"user_id": k.bot.id}, nil)
	err := k.g.Call(t.Context(), "send", map[string]any{"channel": "matrix", "to": "group:" + upgraded.Room, "message": "too late", "idempotencyKey": "kicked"}, nil)
	if err == nil || !strings.Contains(err.Error(), "invite the bot") {
		t.Errorf("sent to a room that it was put out of: %v", err)
	}
}

// away: what was said while the gateway was not there, and is more than a sync tells, is read in order.
func (k *talk) away(t *testing.T) {
	bob := k.people[1]
	room := k.ann.room(content{"name": "Hall"}, bob.id, k.bot.id)
	bob.must("POST", in(room)+"/join", content{}, nil)
	k.ann.sees(room, "the bot", func(e event) bool {
		return e.Type == "m.room.member" && e.Key == k.bot.id && e.Content["membership"] == "join"
	})
	bob.send(room, "m.room.message", content{"msgtype": "m.text", "body": "bot: still here", "m.mentions": content{"user_ids": []string{k.bot.id}}})
	k.reads(room, "still here")
	k.g.Stop()
	const lines = 220
	for i := range lines {
		bob.send(room, "m.room.message", content{"msgtype": "m.text", "body": fmt.Sprintf("line %03d.", i), "m.mentions": content{}})
	}
	bob.send(room, "m.room.message", content{"msgtype": "m.text", "body": "bot: what was said?", "m.mentions": content{"user_ids": []string{k.bot.id}}})
	k.begin()
	k.reads(room, "what was said?")
	asked, from := k.model.last(), 0
	for i := lines - 20; i < lines; i++ { // as many as the gateway keeps of what was not for it, at least
		at := strings.Index(asked[from:], fmt.Sprintf("line %03d.", i))
		if at < 0 {
			t.Fatalf("line %d is not there, or not in its place: %.2000s", i, asked)
		}
		from += at
	}
	if n := k.kept(t); n < lines {
		t.Errorf("%d lines were read, of %d", n, lines)
	}
}

// kept is how many messages have come since the gateway began that were not for the bot.
func (k *talk) kept(t *testing.T) (n int) {
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://kernel/metrics", nil)
	req.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	res, err := k.g.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "carapace_messages_received_total{") && strings.Contains(line, `"kept"`) {
			_, value, _ := strings.Cut(line, "} ")
			n, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return n
}

// encrypted: in a room with encryption people are told, once.
func (k *talk) encrypted(*testing.T) {
	room := k.ann.room(content{"is_direct": true, "initial_state": []content{{"type": "m.room.encryption", "content": content{"algorithm": "m.megolm.v1.aes-sha2"}}}}, k.bot.id)
	k.ann.send(room, "m.room.encrypted", content{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "s", "sender_key": "k", "device_id": "d"})
	k.reads(room, "encryption off")
}

// opened: to somebody of whom only the id is known a room is made.
func (k *talk) opened(t *testing.T) {
	bob := k.people[1]
	for _, text := range []string{"pleased to meet you", "once more"} {
		k.g.MustCall("send", map[string]any{"channel": "matrix", "to": "user:" + bob.id, "message": text, "idempotencyKey": text}, nil)
	}
	var sync struct {
		Rooms struct{ Invite map[string]any }
	}
	bob.must("GET", "/_matrix/client/v3/sync", nil, &sync)
	if len(sync.Rooms.Invite) != 1 {
		t.Fatalf("Bob is invited to %d rooms", len(sync.Rooms.Invite))
	}
	for room := range sync.Rooms.Invite {
		bob.must("POST", in(room)+"/join", content{}, nil)
		bob.sees(room, "both texts", func(e event) bool { return e.Content["body"] == "once more" })
		bob.say(room, "likewise")
		bob.sees(room, "an answer", func(e event) bool { return e.Content["body"] == "Heard: likewise" })
	}
}
