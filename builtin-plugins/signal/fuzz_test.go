package signal_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/signal"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// FuzzEvents feeds whatever the stream may have: it is taken, and what comes of it keeps to the contract.
func FuzzEvents(f *testing.F) {
	for _, envelope := range []string{
		`{"sourceNumber":"+1","sourceUuid":"u","timestamp":5,"dataMessage":{"timestamp":5,"message":"a\ufffcb","mentions":[{"start":1,"length":1,"uuid":"v"},{"start":-1,"length":9}],"attachments":[{"id":"x","contentType":"image/png","width":-1}]}}`,
		`{"sourceUuid":"u","timestamp":5,"dataMessage":{"reaction":{"emoji":"x"},"groupInfo":{"groupId":"g"}}}`,
		`{"sourceUuid":"u","editMessage":{"targetSentTimestamp":"1","dataMessage":{"message":"b","quote":{"id":1}}}}`,
		`{"sourceNumber":"+15550100","syncMessage":{"sentMessage":{"destinationNumber":"+15550100","message":"note","timestamp":1}}}`,
		`{"sourceNumber":"+1","receiptMessage":{"timestamps":[1,"x",{}]},"typingMessage":7}`, `7`, `{"sourceNumber":"+1","dataMessage":[]}`,
	} {
		f.Add(`{"account":"+15550100","envelope":` + envelope + `}`)
	}
	plugin, host := signal.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindMessage, Account: "a", Config: wit.JSON(`{"account":"+15550100","noteToSelf":true}`), State: wit.JSON(`{"generation":1,"me":"m","hidden":["u"]}`),
			Message: &wit.Frame{Connection: "events", Text: &body},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
	})
}
