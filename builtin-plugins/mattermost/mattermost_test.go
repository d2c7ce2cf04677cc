package mattermost_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, mattermost.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, mattermost.New()) }

// TestSkip: an event of the connection counts as seen, and a channel that cannot be read is passed over.
func TestSkip(t *testing.T) {
	for want, event := range map[string]*wit.ChannelEvent{
		`{"generation":3,"connection":"c","sequence":8}`: {State: wit.JSON(`{"generation":3,"connection":"c","sequence":7,"asked":["u"],"held":[{"event":{}}]}`), Message: &wit.Frame{Text: new(`{"event":"posted","seq":7}`)}},
		`{"generation":3,"sequence":7}`:                  {State: wit.JSON(`{"generation":3,"sequence":7}`), Message: &wit.Frame{Text: new(`{"status":"OK"}`)}},
		`{"generation":3,"gap":{"from":5,"rooms":[{"id":"b"}]}}`: {State: wit.JSON(`{"generation":3,"gap":{"from":5,"named":true,"rooms":[{"id":"a"},{"id":"b"}]}}`),
			Response: &wit.HTTPResponse{ID: "posts:3:1:a"}},
	} {
		got, err := mattermost.New().(channel.Skipper).Skip((&sdktest.Host{}).SDK(), event)
		if err != nil || string(got.State) != want {
			t.Errorf("%s, %v, want %s", got.State, err, want)
		}
	}
}

// TestWhateverComes leads to an answer, and not to an error.
func TestWhateverComes(t *testing.T) {
	state := wit.JSON(`{"generation":1,"connection":"c","sequence":1,"live":true,"cursor":5,"gap":{"from":1,"known":5,"round":2,"rooms":[{"id":"a"}]}}`)
	for _, frame := range []string{
		``, `{`, `[]`, `{"event":"posted","seq":1}`, `{"event":"posted","seq":1,"data":{"post":"{"}}`, `{"event":"posted","seq":1,"data":{"post":"{}"}}`,
		`{"event":"post_edited","seq":1,"data":{"post":7}}`, `{"event":"reaction_added","seq":1,"data":{"reaction":"[]"}}`, `{"event":"typing","seq":1}`,
		`{"event":"hello","seq":-1,"data":null}`, `{"event":"new_one","seq":1,"data":{}}`, `{"status":"FAIL","error":{"message":"no"}}`, `{"seq_reply":2,"data":{"server_time":"x"}}`,
	} {
		event := &wit.ChannelEvent{Kind: wit.EventKindMessage, Account: "default", Config: wit.JSON(`{"serverUrl":"https://m.test"}`), State: state, Message: &wit.Frame{Connection: "events", Text: &frame}}
		if out, err := mattermost.New().Event((&sdktest.Host{}).SDK(), event); err != nil || out.Validate() != nil || len(out.Messages) > 0 {
			t.Errorf("%s: %s, %v", frame, wit.Marshal(out), err)
		}
	}
	for _, id := range []string{"", "me:1", "list:1:2", "posts:1:2:a", "users:1:gap", "users:1:u", "place:1:p", "limit:1", "probe:1", "posts:0:2:a"} {
		for _, body := range []string{``, `{}`, `[]`, `[{}]`, `{"order":["x"],"posts":{"x":{}}}`, `{"id":"x","message":"y"}`} {
			event := &wit.ChannelEvent{Kind: wit.EventKindResponse, Account: "default", Config: wit.JSON(`{"serverUrl":"https://m.test"}`), State: state,
				Response: &wit.HTTPResponse{ID: id, Status: 200, Text: &body}}
			if out, err := mattermost.New().Event((&sdktest.Host{}).SDK(), event); err != nil || out.Validate() != nil {
				t.Errorf("%s %s: %s, %v", id, body, wit.Marshal(out), err)
			}
		}
	}
}
