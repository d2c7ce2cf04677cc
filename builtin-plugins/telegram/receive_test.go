package telegram_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"apiRoot":"ROOT/"}`

var (
	ada   = botapitest.User{ID: 7, FirstName: "Ada", LastName: "L", Username: "ada"}
	group = botapitest.Chat{ID: -1007, Type: "supergroup", Title: "Club", IsForum: true}
)

func TestReceiveKinds(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.RepliesIn, channeltest.Threads, channeltest.EditsIn, channeltest.ReactionsIn, channeltest.Unreactions, channeltest.Commands, channeltest.Direct, channeltest.Groups, channeltest.Mentions)
	s := botapitest.New(botapitest.Config{})
	g := newGateway(t, s, config)
	g.Start()
	g.Until("the account is connected", func() bool { return g.Status().State == wit.ConnectionStateConnected })
	if self := g.Status().Self; self == nil || *self.Username != s.Bot().Username || !self.Bot {
		t.Errorf("self is %+v", self)
	}
	if err := s.Wait(t.Context(), s.Polling); err != nil {
		t.Fatal(err)
	}
	first := s.DM(ada, "/start@carapace_test_bot see 🏟 @carapace_test_bot")
	s.Say(botapitest.Message{From: &ada, Chat: group, MessageThreadID: 5, IsTopicMessage: true, Text: "to nobody",
		ReplyToMessage: &botapitest.Message{MessageID: 5, Chat: group}})
	s.Say(botapitest.Message{From: &ada, Chat: group, Text: "🏟 hey @Carapace_Test_Bot"})
	s.Say(botapitest.Message{From: &ada, Chat: group, Text: "/help"})
	s.Say(botapitest.Message{From: &ada, Chat: group, Text: "/help@other_bot"})
	bot := s.Bot()
	own := s.Say(botapitest.Message{From: &bot, Chat: group, Text: "mine"})
	s.Say(botapitest.Message{From: &ada, Chat: group, Text: "answer", ReplyToMessage: &own, Quote: &botapitest.Quote{Text: "min"}})
	s.Edit(7, first.MessageID, "changed")
	s.React(7, first.MessageID, ada, []string{"👍"}, []string{"👍", "🔥"})
	s.React(7, first.MessageID, ada, []string{"👍", "🔥"}, []string{"🔥"})
	s.Say(botapitest.Message{SenderChat: &botapitest.Chat{ID: -1009, Type: "channel", Title: "News"}, Chat: botapitest.Chat{ID: -1009, Type: "channel", Title: "News"}, Text: "post"})
	s.Press(-1007, own.MessageID, ada, "yes")
	s.Inject("my_chat_member", botapitest.MemberUpdate{Chat: group, From: ada, NewChatMember: botapitest.Member{User: bot, Status: "kicked"}})
	s.Say(botapitest.Message{From: &ada, Chat: group, NewChatMembers: []botapitest.User{{ID: 1, FirstName: "Bob"}, {ID: 2, FirstName: "Cy"}}})
	s.Say(botapitest.Message{From: &ada, Chat: botapitest.Chat{ID: 7, Type: "private"}, Text: "see this and x := 1", Entities: []botapitest.Entity{
		{Type: "text_link", Offset: 4, Length: 4, URL: "https://e.org"}, {Type: "code", Offset: 13, Length: 6}, {Type: "bold", Offset: 900, Length: 5}}})
	s.Say(botapitest.Message{From: &ada, Chat: botapitest.Chat{ID: 7, Type: "private"}, Location: &botapitest.Location{Latitude: 52.5, Longitude: 13.4}})

	type want struct {
		kind            wit.MessageKind
		id, text        string
		conversation    wit.ConversationKind
		thread          string
		mentioned       bool
		target, replyTo string
	}
	wants := []want{
		{"text", "7:1", "/start see 🏟 @carapace_test_bot", "direct", "", true, "", ""},
		{"text", "-1007:1", "to nobody", "group", "5", false, "", ""},
		{"text", "-1007:2", "🏟 hey @Carapace_Test_Bot", "group", "", true, "", ""},
		{"text", "-1007:3", "/help", "group", "", true, "", ""},
		{"text", "-1007:4", "/help@other_bot", "group", "", false, "", ""},
		{"text", "-1007:6", "answer", "group", "", true, "", "-1007:5 min"},
		{"edited", "u100007", "changed", "direct", "", true, "7:1", ""},
		{"reaction", "u100008", "🔥", "direct", "", false, "7:1", ""},
		{"reaction", "u100009", "", "direct", "", false, "7:1", ""},
		{"text", "-1009:1", "post", "channel", "", false, "", ""},
		{"action", "u100011", "yes", "group", "", false, "-1007:5", ""},
		{"service", "u100012", "The bot was removed or blocked", "group", "", false, "", ""},
		{"service", "-1007:7", "Bob, Cy joined", "group", "", false, "", ""},
		{"text", "7:2", "see [this](https://e.org) and `x := 1`", "direct", "", true, "", ""},
		{"text", "7:3", "", "direct", "", true, "", ""},
	}
	got := g.Messages(len(wants))
	for i, w := range wants {
		m := got[i]
		is := want{m.Kind, m.ID, m.Text, m.Conversation.Kind, deref(m.Conversation.Thread), m.Mentioned, deref(m.Target), ""}
		if m.ReplyTo != nil {
			is.replyTo = m.ReplyTo.ID + " " + deref(m.ReplyTo.Text)
		}
		if is != w {
			t.Errorf("message %d\n got  %+v\n want %+v", i, is, w)
		}
		if m.Time == 0 && m.Kind != "service" {
			t.Errorf("message %d has no time", i)
		}
	}
	if who := got[0].Sender; who.ID != "7" || *who.Name != "Ada L" || *who.Username != "ada" {
		t.Errorf("sender %+v", who)
	}
	if who := got[9].Sender; who.ID != "-1009" || *who.Name != "News" {
		t.Errorf("the channel's sender is %+v", who)
	}
	if place := got[14].Attachments; len(place) != 1 || place[0].Kind != "location" || *place[0].Caption != "52.5,13.4" {
		t.Errorf("location %+v", place)
	}
	g.Until("the bot is known to have left", func() bool { return len(g.Receipts()) == 1 && g.Receipts()[0].Kind == wit.ReceiptKindLeft })
	if err := s.Wait(t.Context(), func() bool { return s.Stats()["answercallbackquery"] == 1 }); err != nil {
		t.Error(err)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestReceiveFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	s := botapitest.New(botapitest.Config{})
	g := newGateway(t, s, config)
	dm := botapitest.Chat{ID: 7, Type: "private"}
	photo := func(name string) []botapitest.File {
		return []botapitest.File{{FileID: "thumbnail"}, s.AddFile(botapitest.File{FileName: name}, []byte(name))}
	}
	s.DM(ada, "before")
	for i := range 3 {
		caption := ""
		if i == 1 {
			caption = "the album"
		}
		s.Say(botapitest.Message{From: &ada, Chat: dm, MediaGroupID: "g", Photo: photo(fmt.Sprintf("p%d.jpg", i)), Caption: caption})
	}
	doc := s.AddFile(botapitest.File{FileName: "a b#1.pdf", MimeType: "application/pdf"}, []byte("pdf"))
	s.Say(botapitest.Message{From: &ada, Chat: dm, Document: &doc})
	s.Say(botapitest.Message{From: &ada, Chat: dm, Animation: &doc, Document: &doc})
	s.Say(botapitest.Message{From: &ada, Chat: dm, Video: &botapitest.File{FileID: "huge", FileSize: 30 << 20}})
	s.Say(botapitest.Message{From: &ada, Chat: dm, Voice: &botapitest.File{FileID: "gone"}})
	s.DM(ada, "after")
	s.Fail(botapitest.Fault{Method: "getFile", Code: 500}, botapitest.Fault{Method: "getFile", Cut: true}, botapitest.Fault{Method: "getFile", Code: 429, RetryAfter: 1})
	g.Start()
	got := g.Messages(7)
	if got[0].Text != "before" || got[6].Text != "after" {
		t.Errorf("order was lost: %q … %q", got[0].Text, got[6].Text)
	}
	album := got[1]
	if album.Text != "the album" || len(album.Attachments) != 3 || album.ID != "7:2" {
		t.Fatalf("album %+v", album)
	}
	for i, a := range album.Attachments {
		if data := g.fetch(a); data != fmt.Sprintf("p%d.jpg", i) {
			t.Errorf("picture %d is %q", i, data)
		}
	}
	if a := got[2].Attachments[0]; g.fetch(a) != "pdf" || *a.Name != "a b#1.pdf" || *a.Mime != "application/pdf" || *a.Size != 3 {
		t.Errorf("document %+v", a)
	}
	if list := got[3].Attachments; len(list) != 1 || list[0].Kind != wit.AttachmentKindVideo {
		t.Errorf("animation %+v", list)
	}
	for _, i := range []int{4, 5} {
		if a := got[i].Attachments[0]; a.Fetch != nil {
			t.Errorf("message %d has a file that cannot be had: %+v", i, a)
		}
	}
}

// TestAlbumWhoseFilesFail has each file of an album fail once, by an answer or without one.
func TestAlbumWhoseFilesFail(t *testing.T) {
	for name, fault := range map[string]botapitest.Fault{"an answer": {Code: 500}, "no answer": {Cut: true}} {
		t.Run(name, func(t *testing.T) {
			s := botapitest.New(botapitest.Config{})
			g := newGateway(t, s, config)
			for i := range 10 {
				f := s.AddFile(botapitest.File{FileName: "p.jpg"}, []byte(fmt.Sprint(i)))
				s.Say(botapitest.Message{From: &ada, Chat: botapitest.Chat{ID: 7, Type: "private"}, MediaGroupID: "g", Photo: []botapitest.File{f}})
			}
			fault.Method, fault.Times = "getFile", 10
			s.Fail(fault)
			g.Start()
			album := g.Messages(1)[0]
			if len(album.Attachments) != 10 {
				t.Fatalf("album %+v", album)
			}
			for i, a := range album.Attachments {
				if data := g.fetch(a); data != fmt.Sprint(i) {
					t.Errorf("picture %d is %q", i, data)
				}
			}
		})
	}
}

func (g *gateway) fetch(a wit.Attachment) string {
	if a.Fetch == nil {
		return "no fetch"
	}
	if strings.Contains(a.Fetch.URL, g.server.Token()) {
		g.t.Error("the token is in the message")
	}
	response, err := g.Host.DoContext(context.Background(), a.Fetch)
	if err != nil {
		return err.Error()
	}
	return *response.Text
}

// TestAlbumInPieces has an album whose parts come one with each poll.
func TestAlbumInPieces(t *testing.T) {
	polls, say := 0, func() {}
	s := botapitest.New(botapitest.Config{Chaos: func(method string) *botapitest.Fault {
		if method == "getupdates" {
			if polls++; polls <= 3 {
				say()
			}
		}
		return nil
	}})
	g := newGateway(t, s, config)
	f := s.AddFile(botapitest.File{FileName: "p.jpg"}, []byte("p"))
	say = func() {
		s.Say(botapitest.Message{From: &ada, Chat: botapitest.Chat{ID: 7, Type: "private"}, MediaGroupID: "g", Photo: []botapitest.File{f}})
	}
	s.DM(ada, "before")
	g.Start()
	g.Until("the album came", func() bool { return len(g.Inbox()) == 2 })
	if got := g.Messages(2); len(got[1].Attachments) != 3 || got[1].ID != "7:2" {
		t.Errorf("album %+v", got[1])
	}
}

// TestProbe must not disturb the poll.
func TestProbe(t *testing.T) {
	s := botapitest.New(botapitest.Config{})
	g := newGateway(t, s, config)
	g.Start()
	if err := s.Wait(t.Context(), s.Polling); err != nil {
		t.Fatal(err)
	}
	g.Command("probe")
	if err := s.Wait(t.Context(), func() bool { return s.Stats()["getme"] == 2 }); err != nil {
		t.Fatal(err)
	}
	s.DM(ada, "hi")
	g.Messages(1)
	for _, call := range s.Calls() {
		if call.Code != 0 {
			t.Errorf("%s was answered %d", call.Method, call.Code)
		}
	}
}

// TestNothingIsLostOrDoubled crashes the gateway at random moments while connections break and
// updates are repeated.
func TestNothingIsLostOrDoubled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	var calls atomic.Int64
	called := make(chan struct{}, 1)
	s := botapitest.New(botapitest.Config{Chaos: func(method string) *botapitest.Fault {
		select {
		case called <- struct{}{}:
		default:
		}
		switch n := calls.Add(1); {
		case n%17 == 0:
			return &botapitest.Fault{Cut: true}
		case n%11 == 0:
			return &botapitest.Fault{CutAfter: true}
		case n%23 == 0:
			return &botapitest.Fault{Code: 429, RetryAfter: 1}
		case n%29 == 0:
			return &botapitest.Fault{Body: "<html>Bad Gateway</html>"}
		case n%31 == 0:
			return &botapitest.Fault{Code: 502}
		}
		return nil
	}})
	g := newGateway(t, s, config)
	file := s.AddFile(botapitest.File{FileName: "f.txt"}, []byte("f"))
	g.Start()
	const total = 300
	for i := range total {
		m := botapitest.Message{From: &botapitest.User{ID: int64(i%9 + 1), FirstName: "U"}, Chat: botapitest.Chat{ID: int64(i%9 + 1), Type: "private"}, Text: fmt.Sprint("m", i)}
		if i%20 == 0 {
			m.Text, m.Caption, m.Document = "", m.Text, &file
		}
		s.Say(m)
		switch dice.IntN(12) {
		case 0:
			g.Crash()
			g.Start()
		case 1:
			s.Redeliver(dice.IntN(5))
		case 2:
			<-called // the message that was just said makes for a further poll
		}
	}
	got := g.Messages(total)
	seen, last := map[string]bool{}, map[string]int{}
	for _, m := range got {
		if seen[m.Text] {
			t.Errorf("%q came twice", m.Text)
		}
		seen[m.Text] = true
		var n int
		_, _ = fmt.Sscanf(m.Text, "m%d", &n)
		if before, ok := last[m.Conversation.ID]; ok && before > n {
			t.Errorf("m%d came after m%d", n, before)
		}
		last[m.Conversation.ID] = n
	}
	t.Logf("%d calls, %d repeats absorbed", calls.Load(), g.Repeats())
}

func TestOwnerIsTold(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	for name, test := range map[string]struct {
		token  string
		faults []botapitest.Fault
		state  wit.ConnectionState
		says   string
		back   bool
	}{
		"no token":      {token: "none", state: wit.ConnectionStateNeedsLogin, says: "botToken is not set"},
		"wrong token":   {token: "1:wrong", state: wit.ConnectionStateNeedsLogin, says: "@BotFather"},
		"refused once":  {faults: []botapitest.Fault{{Method: "getUpdates", Code: 401, Description: "Unauthorized"}}, state: wit.ConnectionStateNeedsLogin, says: "@BotFather", back: true},
		"second poller": {faults: []botapitest.Fault{{Method: "getUpdates", Code: 409, Description: "Conflict: terminated by other getUpdates request"}}, state: wit.ConnectionStateDisconnected, says: "another program", back: true},
		"server error":  {faults: []botapitest.Fault{{Code: 503, Times: 3}}, state: wit.ConnectionStateDisconnected, says: "Telegram:", back: true},
		"garbage":       {faults: []botapitest.Fault{{Method: "getUpdates", Body: `{"ok":`}, {Method: "getUpdates", Body: `[]`}}, state: wit.ConnectionStateDisconnected, says: "not Telegram's", back: true},
		"no network":    {faults: []botapitest.Fault{{Cut: true, Times: 2}}, state: wit.ConnectionStateDisconnected, says: "", back: true},
		"too many":      {faults: []botapitest.Fault{{Method: "getUpdates", Code: 429, RetryAfter: 2, Description: "Too Many Requests: retry after 2"}}, state: wit.ConnectionStateDisconnected, says: "retry after 2", back: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := botapitest.New(botapitest.Config{})
			g := newGateway(t, s, config)
			switch test.token {
			case "":
			case "none":
				g.Host.SetCredential("botToken", "")
			default:
				g.Host.SetCredential("botToken", test.token)
			}
			s.Fail(test.faults...)
			g.Start()
			g.Until("the owner is told", func() bool {
				return g.Status().State == test.state && strings.Contains(deref(g.Status().Message), test.says)
			})
			if !test.back {
				return
			}
			s.DM(ada, "hi")
			g.Messages(1)
			g.Until("it is connected again", func() bool { return g.Status().State == wit.ConnectionStateConnected })
		})
	}
}

// TestAnotherBot has a new token, of another bot, for an account that has received with the old one: the
// new bot's updates are numbered by themselves.
func TestAnotherBot(t *testing.T) {
	for name, begin := range map[string]func(*gateway){
		"at a start": func(g *gateway) { g.Start() },
		"at a probe": func(g *gateway) {
			g.Begin()
			g.Command("probe")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := botapitest.New(botapitest.Config{})
			g := newGateway(t, s, config)
			g.SetState(wit.JSON(`{"generation":4,"offset":900000000,"limit":1,"me":{"id":"1","first_name":"Old"},` +
				`"pending":{"message":{"id":"7:1","conversation":{"id":"7"},"attachments":[{"kind":"image"}]},"files":["old"]}}`))
			s.DM(ada, "hi")
			begin(g)
			if got := g.Messages(1)[0]; got.Text != "hi" {
				t.Errorf("received %+v", got)
			}
		})
	}
}

// TestMenu: Telegram is told which commands there are, once, and nothing depends on whether it takes them.
func TestMenu(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	names := func(list []botapitest.Command) string {
		var all []string
		for _, c := range list {
			all = append(all, c.Command)
		}
		return strings.Join(all, " ")
	}
	const members, owners = "help status whoami", "help status whoami new stop compact model think reasoning voice"
	for name, test := range map[string]struct {
		config, state            string
		faults                   []botapitest.Fault
		everybody, direct, admin string
		calls                    int // until it is settled
	}{
		"what the gateway understands": {everybody: members, direct: owners, admin: owners, calls: 3},
		"what the owner has named":     {config: `,"commands":["go: Go on","Well-known","/up"]`, everybody: "go up", calls: 3},
		"no menu":                      {config: `,"commands":[]`},
		"no menu any more":             {config: `,"commands":[]`, state: `{"menu":"old","me":{"id":"BOT","first_name":"B"}}`, calls: 3},
		"another bot":                  {state: `{"menu":"old","me":{"id":"1","first_name":"Old"}}`, everybody: members, direct: owners, admin: owners, calls: 3},
		"refused":                      {faults: []botapitest.Fault{{Method: "setMyCommands", Code: 400, Description: "Bad Request: BOT_COMMAND_INVALID"}}, calls: 1},
		"too often":                    {faults: []botapitest.Fault{{Method: "setMyCommands", Code: 429, RetryAfter: 600}}, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := botapitest.New(botapitest.Config{})
			s.Fail(test.faults...)
			g := newGateway(t, s, `{"apiRoot":"ROOT/"`+test.config+`}`)
			if test.state != "" {
				g.SetState(wit.JSON(strings.ReplaceAll(test.state, "BOT", fmt.Sprint(s.Bot().ID))))
			}
			told := func() int { return s.Stats()["setmycommands"] + s.Stats()["deletemycommands"] }
			begin := func(calls, life int) {
				t.Helper()
				g.Start()
				if err := s.Wait(t.Context(), func() bool { return s.Polling() && told() == calls }); err != nil {
					t.Fatalf("%v; %d calls", err, told())
				}
				s.DM(ada, "hi")
				g.Messages(life) // what was answered before is handled by then
			}
			begin(test.calls, 1)
			if got := []string{names(s.Menu("default")), names(s.Menu("all_private_chats")), names(s.Menu("all_chat_administrators"))}; got[0] != test.everybody || got[1] != test.direct || got[2] != test.admin {
				t.Errorf("the menus are %q", got)
			}
			if state := g.Status(); state.State != wit.ConnectionStateConnected {
				t.Errorf("status %+v", state)
			}
			again := test.calls
			if len(test.faults) > 0 {
				again += 3 // it is told at the next start
			}
			g.Crash()
			begin(again, 2)
		})
	}
}

// TestARefusedTokenIsTriedSlowly has a token that Telegram does not know, which may not be for good: it is tried again
// after minutes, and at once when the owner says so.
func TestARefusedTokenIsTriedSlowly(t *testing.T) {
	s := botapitest.New(botapitest.Config{})
	g := newGateway(t, s, config)
	g.Host.SetCredential("botToken", "1:wrong")
	g.Start()
	g.Until("it needs a login", func() bool { return g.Status().State == wit.ConnectionStateNeedsLogin })
	if set := g.Timers(); len(set) != 1 {
		t.Errorf("the timers %q are set", set)
	}
	g.Host.SetCredential("botToken", s.Token())
	s.DM(ada, "hi")
	g.Command("login")
	g.Messages(1)
}

func TestWebhookIsTakenOver(t *testing.T) {
	s := botapitest.New(botapitest.Config{WebhookDelay: time.Hour})
	g := newGateway(t, s, config)
	resp, err := http.PostForm(g.server.Root()+"/bot"+s.Token()+"/setWebhook", map[string][]string{"url": {"http://127.0.0.1:1/"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.DM(ada, "hi")
	g.Start()
	g.Messages(1)
}

func TestWebhookMode(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := botapitest.New(botapitest.Config{WebhookDelay: 5 * time.Millisecond})
	g := newGateway(t, s, `{"apiRoot":"ROOT","mode":"webhook","webhookUrl":"http://`+l.Addr().String()+`/plugins/telegram/default/"}`)
	hook := &http.Server{Handler: http.HandlerFunc(g.webhook)}
	go func() { _ = hook.Serve(l) }()
	defer hook.Close()
	g.Start()
	if err := s.Wait(t.Context(), func() bool { return s.Stats()["setwebhook"] == 1 }); err != nil {
		t.Fatal(err)
	}
	f := s.AddFile(botapitest.File{FileName: "f.txt"}, []byte("f"))
	s.DM(ada, "one")
	s.Say(botapitest.Message{From: &ada, Chat: botapitest.Chat{ID: 7, Type: "private"}, Caption: "two", Document: &f})
	s.DM(ada, "three")
	s.Inject("message", "nonsense")
	s.DM(ada, "four")
	got := g.Messages(4)
	for i, want := range []string{"one", "two", "three", "four"} {
		if got[i].Text != want {
			t.Errorf("message %d is %q", i, got[i].Text)
		}
	}
	if data := g.fetch(got[1].Attachments[0]); data != "f" {
		t.Errorf("file %q", data)
	}
	if s.Stats()["getupdates"] != 0 {
		t.Error("it polls beside its webhook")
	}
}

// webhook is the kernel's side: the declared recipe, then the plugin.
func (g *gateway) webhook(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Telegram-Bot-Api-Secret-Token") != "hook-secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if reply := g.Call(&wit.WebhookRequest{Method: r.Method, Path: r.URL.Path, Text: new(string(body))}); reply != nil {
		w.WriteHeader(int(reply.Status))
	}
}

func TestWebhookModeNeedsAnAddress(t *testing.T) {
	g := newGateway(t, botapitest.New(botapitest.Config{}), `{"mode":"webhook"}`)
	g.Start()
	if got := g.Status(); got.State != wit.ConnectionStateFailed || !strings.Contains(deref(got.Message), "webhookUrl") {
		t.Errorf("status %+v", got)
	}
}
