package telegram_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/telegramtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestALongAnswerAppearsWhileItIsWritten: as a preview, beside which the whole answer is the only message; on a server that has no
// previews its beginning is a message, which the whole answer takes the place of.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := telegramtest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	crowd.Fail(botapitest.Fault{Method: "sendMessageDraft", Code: 404, Description: "Not Found: method not found"})
	_, finish := storm.StartSlow(t, crowd, "..")
	wait := func(ok func() bool) {
		t.Helper()
		if err := crowd.Wait(t.Context(), ok); err != nil {
			t.Fatalf("%v: %+v, %+v", err, crowd.Drafts(), crowd.Sent())
		}
	}
	shows := func(chat int64, text string) func() bool {
		return func() bool {
			list := crowd.Messages(chat)
			return len(list) == 2 && list[1].Text == text
		}
	}
	crowd.Say(0, "tell me")
	wait(shows(1000, "The beginning of"))
	crowd.Say(1, "tell me too")
	wait(func() bool { return len(crowd.Drafts()) > 0 })
	if d := crowd.Drafts()[0]; d.Chat != 1001 || d.Text != "The beginning of" || len(crowd.Messages(1001)) != 1 {
		t.Errorf("shown %+v beside %+v", d, crowd.Messages(1001))
	}
	finish()
	wait(shows(1000, "The beginning of it, and the end."))
	wait(shows(1001, "The beginning of it, and the end."))
	if sent := crowd.Sent(); len(sent) != 2 {
		t.Errorf("%d messages were sent", len(sent))
	}
}
