package plugin

import (
	"encoding/json"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// FuzzAnswer feeds a plugin's reply to the decoder: whatever is accepted is within the bounds.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{}`, `null`, ``, `{"messages":[{"id":"1","kind":"text","conversation":{"kind":"direct","id":"2"},"text":"hi"}],"state":{"offset":1}}`,
		`{"messages":[{"id":""}]}`, `{"requests":[{"url":"https://x/","timeout":-1}],"timers":[{"id":"t","after":5}],"status":{"state":"connected"}}`,
		`{"reply":{"status":99}}`, `{"open":[{"connection":"c","transport":"websocket","url":"wss://x"}],"surprise":[[[1]]]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &wit.ChannelAnswer{}
		if _, err := decode(data, a); err != nil {
			if c := wit.CodeOf(err); c != wit.CodeUnavailable && c != wit.CodeTooLarge {
				t.Fatalf("code %s: %v", c, err)
			}
			return
		}
		if len(a.Messages) > wit.ChannelAnswerMessagesMax || len(a.State) > wit.ChannelAnswerStateMax || len(a.Requests) > wit.ChannelAnswerRequestsMax || len(a.Frames) > wit.ChannelAnswerFramesMax {
			t.Fatalf("accepted beyond the bounds: %.200s", data)
		}
		if len(a.State) > 0 && !json.Valid(a.State) {
			t.Fatalf("state is not JSON: %q", a.State)
		}
		for _, m := range a.Messages {
			if m.ID == "" || m.Conversation.ID == "" {
				t.Fatalf("a message without ids: %.200s", data)
			}
		}
	})
}
