package ntfy_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// FuzzMessages feeds whatever a server may tell: it is taken, and what comes of it keeps to the contract.
func FuzzMessages(f *testing.F) {
	for _, text := range []string{
		`{"id":"a","time":1,"event":"message","topic":"home","message":"x","tags":["a",7],"priority":9,"attachment":{"name":"n","url":"https://ntfy.sh/file/../{{credential:token}}"}}`,
		`{"id":"a","sequence_id":"s","time":-1,"event":"message_delete","topic":"home"}`, `{"event":"open","time":"x"}`, `[]`, `{"id":{},"topic":"home","event":"message"}`,
		`{"id":"b","event":"message","topic":"home","tags":["ballot_box_with_check","cp-0123456789abcdef"],"message":""}`,
	} {
		f.Add(text)
	}
	plugin, host := ntfy.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindMessage, Account: "a", Config: wit.JSON(`{"topic":"home"}`), State: wit.JSON(`{"generation":1,"recent":["s f"]}`),
			Message: &wit.Frame{Connection: "topics", Text: &text},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
	})
}
