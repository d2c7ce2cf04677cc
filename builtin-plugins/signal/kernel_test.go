package signal_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// world is a whole gateway with an account, whose model answers what it is asked with "seen".
type world struct {
	t     *testing.T
	crowd *signaltest.Crowd
	model *fieldtest.Completions
	state string
	field string
	*storm.Gateway
}

func newWorld(t *testing.T) *world {
	t.Helper()
	crowd, err := signaltest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen**"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	w := &world{t: t, crowd: crowd, model: model, state: t.TempDir()}
	w.field = fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1")
	w.start()
	return w
}

func (w *world) start() { w.Gateway = storm.Start(w.t, w.crowd, "..", w.state, w.field) }

// until waits until a server makes ok true.
func until(t *testing.T, s *signaltest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("waited in vain for %s", what)
	}
}

// sent waits until n messages were sent, and returns the last.
func (w *world) sent(n int) signaltest.Sent {
	w.t.Helper()
	until(w.t, w.crowd.Server, fmt.Sprint(n, " messages"), func() bool { return len(w.crowd.Sent()) >= n })
	return w.crowd.Sent()[n-1]
}

// account waits until an account is in a state, with this in its message, and returns its status.
func (w *world) account(id string, state wit.ConnectionState, message string) channel.AccountStatus {
	w.t.Helper()
	w.Event("channels.changed", func(b json.RawMessage) bool {
		var c channel.Changed
		return json.Unmarshal(b, &c) == nil && c.Account == id && c.State == state && strings.Contains(c.Message, message)
	})
	var s channel.StatusResult
	w.MustCall("channels.status", map[string]any{}, &s)
	for _, a := range s.ChannelAccounts["signal"] {
		if a.AccountID == id {
			return a
		}
	}
	w.t.Fatalf("there is no account %s", id)
	return channel.AccountStatus{}
}

// reached reports whether all questions up to n have been put to the model.
func (w *world) reached(n int) bool {
	all := ""
	for _, r := range w.model.Requests() {
		all += string(r.Body)
	}
	for i := range n {
		if !strings.Contains(all, fmt.Sprintf("question %d.", i)) {
			return false
		}
	}
	return true
}

// TestInAGateway: what takes a whole gateway: files both ways, the stream over upgrades, and what comes while it is down.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.MediaOut, channeltest.LongText, channeltest.Upgrades)
	w := newWorld(t)
	picture := bytes.Repeat([]byte("\xff\xd8 a picture \x00"), 20_000)
	n := 0
	t.Run("a picture comes", func(t *testing.T) {
		file := w.crowd.Upload("abc.jpg", "image/jpeg", "cat.jpg", picture)
		w.crowd.Write(ada, map[string]any{"message": "what is this?", "attachments": []any{file}})
		n++
		if m := w.sent(n); m.Text != "seen" || strings.Join(m.Styles, " ") != "0:4:BOLD" || m.To != ada.Number {
			t.Errorf("%+v", m)
		}
		if got := string(w.model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture)) || !strings.Contains(got, "what is this?") {
			t.Errorf("the model was asked %.300s", got)
		}
	})
	send := func(params map[string]any) (delivery.SendResult, error) {
		var out delivery.SendResult
		params["channel"], params["to"], params["idempotencyKey"] = "signal", ada.Number, fmt.Sprint("send ", time.Now().UnixNano())
		err := w.Call(t.Context(), "send", params, &out)
		return out, err
	}
	t.Run("a picture goes", func(t *testing.T) {
		out, err := send(map[string]any{"message": "{{media:x}} look", "buffer": base64.StdEncoding.EncodeToString(picture), "filename": "p;q.jpg", "contentType": "image/jpeg"})
		n++
		m := w.sent(n)
		if err != nil || m.Text != "{{media:x}} look" || len(m.Files) != 1 || !bytes.Equal(m.Files[0].Data, picture) || m.Files[0].Mime != "image/jpeg" || m.Files[0].Name != "p_q.jpg" {
			t.Errorf("%+v %v: %.60q %d files", out, err, m.Text, len(m.Files))
		}
	})
	t.Run("a long text", func(t *testing.T) {
		before := len(w.crowd.Sent())
		if out, err := send(map[string]any{"message": strings.Repeat("**bold** words, and more of them. ", 300)}); err != nil || len(out.MessageIDs) < 2 {
			t.Errorf("%+v %v", out, err)
		}
		styles := 0
		for _, m := range w.crowd.Sent()[before:] {
			styles += len(m.Styles)
		}
		if n = len(w.crowd.Sent()); styles != 300 {
			t.Errorf("%d of 300 arrived", styles)
		}
	})
	t.Run("upgrades under traffic", func(t *testing.T) {
		for i := range 20 {
			w.crowd.Server.Say(ada, fmt.Sprintf("question %d.", i))
			if i%8 == 4 {
				w.Upgrade("..", w.state, "signal", fmt.Sprintf("9.0.%d", i))
			}
		}
		until(t, w.crowd.Server, "all questions to reach the model", func() bool { return w.reached(20) })
		if got := w.crowd.Opened(); got != 1 {
			t.Errorf("the stream was opened %d times", got)
		}
	})
	t.Run("what comes while the gateway is down", func(t *testing.T) {
		w.Stop()
		until(t, w.crowd.Server, "the end of the stream", func() bool { return !w.crowd.Listening() })
		bob := signaltest.Person{Number: "+15550102", ACI: "bbbbbbbb-0000-4000-8000-000000000002", Name: "Bob"}
		for range 2 { // by which the daemon notices that nobody listens
			w.crowd.Server.Say(bob, "is somebody there?")
		}
		until(t, w.crowd.Server, "the daemon to have noticed", func() bool { return w.crowd.Streams() == 0 })
		w.crowd.Server.Say(bob, "are you there?")
		if w.crowd.Waiting() != 1 || w.crowd.Lost() != 2 {
			t.Errorf("%d wait, %d are lost", w.crowd.Waiting(), w.crowd.Lost())
		}
		w.start()
		until(t, w.crowd.Server, "an answer", func() bool { // those to others may come behind it
			return slices.ContainsFunc(w.crowd.Sent(), func(m signaltest.Sent) bool { return m.To == bob.Number })
		})
	})
}

// TestLinking: an account that the daemon does not know is linked by a code that the status carries; beside it another account
// works.
func TestLinking(t *testing.T) {
	channeltest.Proves(t, channeltest.Login, channeltest.Accounts, channeltest.Health)
	w := newWorld(t)
	second := signaltest.New(signaltest.Config{Account: "+15550200", ACI: "aaaaaaaa-0000-4000-8000-000000000002", Unlinked: true})
	t.Cleanup(func() { _ = second.Close() })
	url, err := second.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.MustCall("plugins.configure", map[string]any{"id": "signal", "account": "second", "config": map[string]any{"url": url, "account": "+15550200"}, "access": map[string]any{"dmPolicy": "open"}}, nil)
	shown := w.account("second", wit.ConnectionStateNeedsLogin, "Linked devices")
	if shown.Login != second.Linking() || !strings.HasPrefix(shown.Login, "sgnl://linkdevice?") || shown.Connected {
		t.Errorf("%+v", shown)
	}
	second.Scan()
	until(t, second, "the stream", second.Listening)
	if a := w.account("second", wit.ConnectionStateConnected, ""); a.Login != "" || !a.Connected {
		t.Errorf("%+v", a)
	}
	second.Say(ada, "hello second")
	w.crowd.Server.Say(ada, "hello first")
	until(t, second, "an answer", func() bool { return len(second.Sent()) == 1 })
	w.sent(1)
}
