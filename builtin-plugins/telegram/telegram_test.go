package telegram_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, telegram.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) {
	if f := channeltest.Manifest(t, telegram.New()); f.MaxLength > 4096 || f.LengthUnit != wit.LengthUnitUTF16 {
		t.Errorf("limit %d %s", f.MaxLength, f.LengthUnit)
	}
}

func TestSkip(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	skip := telegram.New().(channel.Skipper)
	event := &wit.ChannelEvent{
		Kind: wit.EventKindResponse, State: wit.JSON(`{"generation":3,"offset":5,"pending":{"message":{"id":"7:1"},"files":[]}}`),
		Response: &wit.HTTPResponse{ID: "poll:3", Status: 200, Text: new(`{"ok":true,"result":[{"update_id":5},{"update_id":6}]}`)},
	}
	got, err := skip.Skip(host, event)
	if err != nil || string(got.State) != `{"generation":3,"offset":7}` {
		t.Errorf("%s, %v", got.State, err)
	}
}

// TestARoundOfFilesFailsOnce has all files of an album fail at the same time: none of them is given up for that.
func TestARoundOfFilesFailsOnce(t *testing.T) {
	const files = 10
	plugin, host := telegram.New(), (&sdktest.Host{}).SDK()
	state := wit.JSON(`{"generation":3,"offset":5,"pending":{"message":{"id":"7:1","conversation":{"id":"7"},"attachments":[` +
		strings.Repeat(`{"kind":"image"},`, files-1) + `{"kind":"image"}]},"files":[` + strings.Repeat(`"f",`, files-1) + `"f"]}}`)
	event := func(e wit.ChannelEvent) *wit.ChannelAnswer {
		t.Helper()
		e.State = state
		out, err := plugin.Event(host, &e)
		if err != nil {
			t.Fatal(err)
		}
		if out.State != nil {
			state = out.State
		}
		return out
	}
	located := func(i int, status uint16, body string) *wit.ChannelAnswer {
		t.Helper()
		return event(wit.ChannelEvent{Kind: wit.EventKindResponse, Response: &wit.HTTPResponse{ID: fmt.Sprint("file:3:", i), Status: status, Text: &body}})
	}
	for round := range 4 {
		for i := range files {
			out := located(i, 500, `{"ok":false,"error_code":500,"description":"Internal Server Error"}`)
			if full := int64(1000) << round; len(out.Timers) != 1 || out.Timers[0].After < full || out.Timers[0].After > full*5/4 {
				t.Fatalf("round %d, file %d: timers %+v", round, i, out.Timers)
			}
		}
		if out := event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: new("retry")}); len(out.Requests) != files {
			t.Fatalf("round %d: %d files are asked for again", round, len(out.Requests))
		}
	}
	for i := range files - 1 {
		located(i, 200, `{"ok":true,"result":{"file_path":"p.jpg"}}`)
	}
	out := located(files-1, 500, `{"ok":false,"error_code":500}`)
	if len(out.Messages) != 1 {
		t.Fatalf("%d messages after the last round, state %s", len(out.Messages), state)
	}
	for i, a := range out.Messages[0].Attachments {
		if (a.Fetch != nil) != (i < files-1) {
			t.Errorf("file %d: %+v", i, a)
		}
	}
}

// TestAPauseOfOneFileHoldsForAll: files are asked for all at once, and what is answered after the one that was told to
// wait, whether well or not, is no reason to ask again before.
func TestAPauseOfOneFileHoldsForAll(t *testing.T) {
	plugin, host := telegram.New(), (&sdktest.Host{}).SDK()
	const flood, found, broken = `{"ok":false,"error_code":429,"parameters":{"retry_after":100}}`, `{"ok":true,"result":{"file_path":"p.jpg"}}`, `{"ok":false,"error_code":500}`
	for _, after := range []string{found, broken, `{"ok":false,"error_code":429,"parameters":{"retry_after":3}}`} {
		state := wit.JSON(`{"generation":3,"pending":{"message":{"id":"7:1","conversation":{"id":"7"},"attachments":[{"kind":"image"},{"kind":"image"}]},"files":["f","g"]}}`)
		timer := int64(0) // the last time that the retry timer was set to
		for i, body := range []string{flood, after} {
			out, err := plugin.Event(host, &wit.ChannelEvent{Kind: wit.EventKindResponse, Now: 1_000_000, State: state,
				Response: &wit.HTTPResponse{ID: fmt.Sprint("file:3:", i), Status: 200, Text: &body}})
			if err != nil {
				t.Fatal(err)
			}
			if out.State != nil {
				state = out.State
			}
			for _, set := range out.Timers {
				timer = set.After
			}
		}
		if timer != 100_000 {
			t.Errorf("behind %s it is asked again in %d ms", after, timer)
		}
		early, err := plugin.Event(host, &wit.ChannelEvent{Kind: wit.EventKindStart, Now: 1_040_000, State: state})
		if err != nil || len(early.Requests) != 0 {
			t.Errorf("behind %s, started in the pause: %s, %v", after, wit.Marshal(early), err)
		}
	}
}

// FuzzUpdates feeds whatever a server may answer to a poll: the loop must go on, within its bounds.
func FuzzUpdates(f *testing.F) {
	for _, seed := range []string{
		`{"ok":true,"result":[]}`, `{"ok":false,"error_code":429,"parameters":{"retry_after":5}}`, `[]`, `{"ok":`,
		`{"ok":true,"result":[{"update_id":9,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"from":{"id":7},"text":"a🏟b","entities":[{"type":"mention","offset":1,"length":1},{"type":"text_link","offset":0,"length":4,"url":"x"}],"reply_to_message":{"message_id":2}}}]}`,
		`{"ok":true,"result":[{"update_id":9,"message":{"message_id":1,"media_group_id":"g","chat":{"id":7},"photo":[{"file_id":"x"}]}},{"update_id":10,"callback_query":{"id":"1","data":"d","message":{"message_id":1,"chat":{"id":7}}}}]}`,
		`{"ok":true,"result":[{"update_id":9,"message_reaction":{"chat":{},"new_reaction":[{"emoji":"x"}]}},{"update_id":"10","my_chat_member":{}},7,null,{"message":"x"}]}`,
	} {
		f.Add(seed, false)
	}
	plugin := telegram.New()
	f.Fuzz(func(t *testing.T, body string, held bool) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		state := `{"generation":3,"offset":5,"me":{"id":"1","username":"bot"}}`
		if held {
			state = `{"generation":3,"offset":5,"pending":{"message":{"id":"7:1","conversation":{"id":"7"},"attachments":[{"kind":"image"}]},"files":["f"]}}`
		}
		event := &wit.ChannelEvent{Kind: wit.EventKindResponse, State: wit.JSON(state), Response: &wit.HTTPResponse{ID: "poll:3", Status: 200, Text: &body}}
		out, err := plugin.Event((&sdktest.Host{}).SDK(), event)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Requests) == 0 && len(out.Timers) == 0 {
			t.Errorf("the loop ended: %s", wit.Marshal(out))
		}
		if len(out.Requests) > 16 || len(out.State) > 64<<10 {
			t.Errorf("%d requests, %d bytes of state", len(out.Requests), len(out.State))
		}
		for _, m := range out.Messages {
			if m.ID == "" {
				t.Errorf("a message without an id: %s", wit.Marshal(&m))
			}
		}
		if out.State != nil {
			event.Kind, event.State = wit.EventKindStart, out.State
			if _, err := plugin.Event((&sdktest.Host{}).SDK(), event); err != nil {
				t.Errorf("state %s: %v", out.State, err)
			}
		}
	})
}

// TestAPauseOutlivesARestart: Telegram has asked for a pause, and the gateway, or the plugin, starts anew in it.
func TestAPauseOutlivesARestart(t *testing.T) {
	plugin, host := telegram.New(), (&sdktest.Host{}).SDK()
	event := func(e wit.ChannelEvent, state wit.JSON) *wit.ChannelAnswer {
		t.Helper()
		e.State = state
		out, err := plugin.Event(host, &e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const now = 1_000_000
	flood := `{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":100}}`
	for _, kind := range []string{"me", "hook", "poll", "probe"} {
		asked := event(wit.ChannelEvent{Kind: wit.EventKindResponse, Now: now, Response: &wit.HTTPResponse{ID: kind + ":3", Status: 429, Text: &flood}}, wit.JSON(`{"generation":3}`))
		early := event(wit.ChannelEvent{Kind: wit.EventKindStart, Now: now + 40_000}, asked.State)
		if n := len(early.Timers); len(early.Requests) != 0 || n == 0 || early.Timers[n-1] != (wit.Timer{ID: "retry", After: 60_000}) {
			t.Errorf("%s: started in the pause: %s", kind, wit.Marshal(early))
		}
		if late := event(wit.ChannelEvent{Kind: wit.EventKindTimer, Now: now + 100_000, Timer: new("retry")}, early.State); len(late.Requests) != 1 {
			t.Errorf("%s: behind the pause: %s", kind, wit.Marshal(late))
		}
		if late := event(wit.ChannelEvent{Kind: wit.EventKindStart, Now: now + 100_000}, asked.State); len(late.Requests) != 1 {
			t.Errorf("%s: started behind the pause: %s", kind, wit.Marshal(late))
		}
	}
	if far := event(wit.ChannelEvent{Kind: wit.EventKindStart, Now: now}, wit.JSON(`{"notBefore":900000000000000}`)); far.Timers[len(far.Timers)-1].After != 24*60*60*1000 {
		t.Errorf("a clock that was set back: %s", wit.Marshal(far))
	}
}
