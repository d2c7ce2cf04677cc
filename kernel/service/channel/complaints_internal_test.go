package channel

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPluginThatAsksForTooMuch over and over does not fill the log, and the log says how much it left out.
func TestAPluginThatAsksForTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := &traffic{id: message.Account{Channel: "toy", ID: "home"}, redact: func(s string) string { return s }, mail: &mailbox{}}
		l.complaints.log = hclog.New(&hclog.LoggerOptions{Output: &log})
		l.begin(t.Context(), 1)
		answer := &wit.ChannelAnswer{Frames: make([]wit.Frame, wit.ChannelAnswerFramesMax), Open: make([]wit.OpenConnection, 0)}
		for range 1000 {
			l.begin(t.Context(), 2) // a start anew gives no new allowance
			l.perform(nil, &input{}, answer)
		}
		if n := strings.Count(log.String(), "\n"); n != complaintRate.Burst {
			t.Errorf("%d lines after %d complaints, want %d", n, 1000*len(answer.Frames), complaintRate.Burst)
		}
		time.Sleep(time.Second)
		log.Reset()
		l.perform(nil, &input{}, answer)
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "unsaid=99980") {
			t.Errorf("after a second: %q", got)
		}
	})
}
