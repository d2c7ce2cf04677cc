package kernel_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
)

// telegramCase is a case in which people write to a bot, or the owner has it send. Everybody may write, and need not
// mention it.
type telegramCase struct {
	fieldtest.Case
	// Account is laid over the account's settings.
	Account map[string]any `json:"account"`
	// Updates are Telegram's, and steps between them: see step.
	Updates []json.RawMessage `json:"updates"`
	// Send are parameters of the method send, one call after the other when the updates have come.
	Send []map[string]any `json:"send"`
	// Refuse is what the server refuses.
	Refuse []refusal `json:"refuse"`
	// WaitMs is how long it goes on after all of that, ten seconds when 0.
	WaitMs int `json:"waitMs"`
}

// refusal are calls that the server refuses. Where are parameters that they have; * is any value. Times is how many,
// all when 0.
type refusal struct {
	Method      string            `json:"method"`
	Where       map[string]string `json:"where"`
	Status      int               `json:"status"`
	Description string            `json:"description"`
	RetryAfter  int               `json:"retryAfter"`
	Times       int               `json:"times"`
}

// step is what happens between two updates: wait for so long; wait until so many messages were sent in all; approve
// whoever has asked to be let in; put a plugin, or another version of one, with the code of the built-in ones; upgrade
// a group to a supergroup, of which the next update from it says nothing yet.
type step struct {
	Do       string         `json:"do"`
	Ms       int            `json:"ms"`
	N        int            `json:"n"`
	From     int64          `json:"from"`
	To       int64          `json:"to"`
	Plugin   string         `json:"plugin"`
	Manifest map[string]any `json:"manifest"`
}

// Where the servers of a case are.
const (
	modelAddress = "127.0.0.1:1"
	botAddress   = "127.0.0.1:2"
)

// telegramKind runs cases of the plugin telegram, against a Bot API server. They run in a bubble of testing/synctest.
func telegramKind(t *testing.T, stage fieldtest.Stage, data []byte) {
	c := fieldtest.Load[telegramCase](t, data)
	options := c.Options(t, stage)
	code := kerneltest.Bundle(t, "popular")
	synctest.Test(t, func(t *testing.T) {
		g := c.boot(t, stage, code, options)
		for _, update := range c.Updates {
			g.play(update)
		}
		for i, params := range c.Send {
			all := map[string]any{"channel": "telegram", "idempotencyKey": fmt.Sprint("send-", i)}
			maps.Copy(all, params)
			_ = g.client.Call(t.Context(), "send", all, nil) // what came of it is seen at the server
		}
		wait := 10 * time.Second
		if c.WaitMs > 0 {
			wait = time.Duration(c.WaitMs) * time.Millisecond
		}
		time.Sleep(wait)
		synctest.Wait()
		fieldtest.Judge(t, &c.Case, func(e apiCalls) []string {
			return append(e.problems(g.bot.Calls()), e.Problems(g.model.Requests())...)
		})
	})
}

// game is a case while it is played.
type game struct {
	t      *testing.T
	client *kerneltest.Listener
	bot    *botapitest.Server
	model  *fieldtest.Completions
	more   *plugintest.Memory
	code   []byte
}

// boot starts the servers and the gateway.
func (c *telegramCase) boot(t *testing.T, stage fieldtest.Stage, code []byte, options []kerneltest.Option) *game {
	g := &game{t: t, bot: botapitest.New(botapitest.Config{}), model: fieldtest.NewCompletions(&c.Case), more: new(plugintest.Memory), code: code}
	network := &fieldtest.Network{}
	network.Serve(t, modelAddress, g.model)
	network.Serve(t, botAddress, g.bot)
	t.Cleanup(func() { _ = g.bot.Close() })
	for _, r := range c.Refuse {
		times := r.Times
		if times == 0 {
			times = -1
		}
		g.bot.Fail(botapitest.Fault{Method: r.Method, Where: r.Where, Code: r.Status, Description: r.Description, RetryAfter: r.RetryAfter, Times: times})
	}
	for _, params := range c.Send {
		g.know(fmt.Sprint(params["to"]))
	}
	account := map[string]any{"dmPolicy": "open", "groupPolicy": "open", "requireMention": false, "config": map[string]any{"apiRoot": "http://" + botAddress}}
	maps.Copy(account, c.Account)
	k := kerneltest.Start(t, append(options, network.Option(), kerneltest.Source(g.more), c.Configure(t, stage, modelAddress, map[string]any{
		"channels": map[string]any{"telegram": map[string]any{"accounts": map[string]any{"default": account}}},
	}))...)
	g.client = k.Listen()
	setBotToken(g.client, g.bot)
	return g
}

// know makes a chat known to the server by its id: a forum when it is negative.
func (g *game) know(id string) {
	chat := botapitest.Chat{Type: "private", FirstName: "Ann"}
	if _, err := fmt.Sscan(id, &chat.ID); err != nil {
		g.t.Fatalf("send to %q: %v", id, err)
	}
	if chat.ID < 0 {
		chat = botapitest.Chat{ID: chat.ID, Type: "supergroup", Title: "Crew", IsForum: true}
	}
	g.bot.AddChat(chat)
}

// play does a step, or hands an update in and lets the gateway go on.
func (g *game) play(data json.RawMessage) {
	g.t.Helper()
	var s step
	if err := json.Unmarshal(data, &s); err != nil {
		g.t.Fatal(err)
	}
	switch s.Do {
	case "":
		g.update(data)
	case "wait":
		time.Sleep(time.Duration(s.Ms) * time.Millisecond)
	case "sent":
		if err := g.bot.Wait(g.t.Context(), func() bool { return len(g.bot.Sent()) >= s.N }); err != nil {
			g.t.Fatalf("%d messages are awaited: %v", s.N, err)
		}
		synctest.Wait() // the gateway hears that the last one was taken
	case "approve":
		g.approve()
	case "plugin":
		g.put(s.Plugin, s.Manifest)
	case "upgrade":
		g.bot.Upgrade(s.From, s.To)
	default:
		g.t.Fatalf("a step %q", s.Do)
	}
}

// update queues an update: an object of its kind.
func (g *game) update(data json.RawMessage) {
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(data, &kinds); err != nil || len(kinds) != 1 {
		g.t.Fatalf("an update has one kind: %s", data)
	}
	for kind, value := range kinds {
		var about struct {
			Chat    botapitest.Chat `json:"chat"`
			MovedTo int64           `json:"migrate_to_chat_id"`
		}
		if err := json.Unmarshal(value, &about); err == nil && about.Chat.ID != 0 {
			g.bot.AddChat(about.Chat)
		}
		if about.MovedTo != 0 {
			g.bot.Upgrade(about.Chat.ID, about.MovedTo)
		}
		g.bot.Inject(kind, value)
	}
}

// approve lets in whoever has asked.
func (g *game) approve() {
	var list inbox.PairingListResult
	g.client.MustCall("channels.pairing.list", map[string]any{"channel": "telegram"}, &list)
	for _, r := range list.Requests {
		g.client.MustCall("channels.pairing.approve", map[string]any{"channel": "telegram", "code": r.RequestID}, nil)
	}
	if len(list.Requests) == 0 {
		g.t.Error("nobody has asked to be let in")
	}
}

// put puts a plugin with the code of the built-in ones where the owner's plugins are.
func (g *game) put(id string, m map[string]any) {
	g.more.PutPackage(source.Package{Folder: id, Path: "memory:" + id, Root: fstest.MapFS{
		id + "/plugin.json": {Data: fieldtest.Manifest(g.t, id, m), ModTime: time.Now()}, "popular.wasm": {Data: g.code, ModTime: time.Unix(0, 0)},
	}})
}

// apiCalls is what is expected of the calls that the server got.
type apiCalls struct {
	fieldtest.Requests
	// Sent are accepted calls that are made in this order, among others, and Never are none.
	Sent  []apiCall `json:"sent"`
	Never []apiCall `json:"never"`
	// Count is how often a method may be called, refused or not.
	Count []struct {
		Method string `json:"method"`
		Min    int    `json:"min"`
		Max    *int   `json:"max"`
	} `json:"count"`
}

// apiCall is what is expected of one call. Method may be one of several, with bars.
type apiCall struct {
	Method string `json:"method"`
	// Text is the text, or the caption, as it was sent, and Visible what is seen of it.
	Text    *fieldtest.Text `json:"text"`
	Visible *fieldtest.Text `json:"visible"`
	// With are parameters that it has, Without those that it has not.
	With    map[string]string `json:"with"`
	Without []string          `json:"without"`
}

func (e *apiCalls) problems(got []botapitest.Call) (problems []string) {
	rest := acceptedCalls(got)
	for i, want := range e.Sent {
		found := false
		for len(rest) > 0 && !found {
			found, rest = want.is(rest[0]), rest[1:]
		}
		if !found {
			problems = append(problems, fmt.Sprintf("call %d, %s, was not made: %s", i+1, want.words(), listedCalls(got)))
		}
	}
	for _, not := range e.Never {
		for _, c := range acceptedCalls(got) {
			if not.is(c) {
				problems = append(problems, fmt.Sprintf("%s was called with %v", c.Method, c.Params))
			}
		}
	}
	for _, count := range e.Count {
		n := 0
		for _, c := range got {
			if strings.EqualFold(c.Method, count.Method) {
				n++
			}
		}
		if n < count.Min || count.Max != nil && n > *count.Max {
			problems = append(problems, fmt.Sprintf("%s was called %d times", count.Method, n))
		}
	}
	return problems
}

// acceptedCalls are the calls that took effect.
func acceptedCalls(got []botapitest.Call) (list []botapitest.Call) {
	for _, c := range got {
		if c.Code == 0 && c.Fault == "" {
			list = append(list, c)
		}
	}
	return list
}

// is reports whether a call is the one that is expected.
func (e *apiCall) is(c botapitest.Call) bool {
	method := false
	for m := range strings.SplitSeq(e.Method, "|") {
		method = method || strings.EqualFold(m, c.Method)
	}
	text := c.Params["text"] + c.Params["caption"]
	if !method || e.Text.Problem("", text)+e.Visible.Problem("", visible(text, c.Params["parse_mode"])) != "" {
		return false
	}
	for name, want := range e.With {
		if got, ok := c.Params[name]; !ok || want != "*" && got != want {
			return false
		}
	}
	for _, name := range e.Without {
		if _, ok := c.Params[name]; ok {
			return false
		}
	}
	return true
}

// visible is what is seen of a text.
func visible(text, mode string) string {
	if !strings.EqualFold(mode, "HTML") {
		return text
	}
	seen, _, err := botapitest.ParseHTML(text)
	if err != nil {
		return text
	}
	return seen
}

func (e *apiCall) words() string {
	return fmt.Sprint(e.Method, e.Text.Problem(" text", "…"), e.Visible.Problem(" visible", "…"), " ", e.With)
}

// listedCalls are the calls that sent something, or were refused.
func listedCalls(got []botapitest.Call) string {
	var b strings.Builder
	for _, c := range got {
		if strings.HasPrefix(c.Method, "send") || c.Code != 0 {
			fmt.Fprintf(&b, "\n  %s %.300v %d", c.Method, c.Params, c.Code)
		}
	}
	return b.String()
}
