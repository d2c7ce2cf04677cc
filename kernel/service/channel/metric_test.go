package channel_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// figures are the accounts' metrics as "account connected seconds", in order.
func figures(s *channel.Service) string {
	metrics := s.Service().Metrics
	var list []string
	for i, sample := range metrics[0].Collect() {
		list = append(list, fmt.Sprint(sample.Labels[1], " ", sample.Value, " ", metrics[1].Collect()[i].Value))
	}
	return strings.Join(list, ", ")
}

// asking is a plugin whose accounts ask their platform each 10 seconds and say what came of it.
func asking(answer func(account string) (status uint16, err error)) *fakePlugin {
	p := &fakePlugin{}
	p.do = func(_ context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
		status, err := answer(r.URL)
		return &wit.HTTPResponse{Status: status}, err
	}
	p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		switch {
		case e.Response == nil:
			return &wit.ChannelAnswer{Requests: []wit.HTTPRequest{{ID: "x", URL: e.Account}}, Status: wait(e)}, nil
		case e.Response.Error != nil:
			return said(wit.ConnectionStateDisconnected), nil
		case e.Response.Status == 401:
			return said(wit.ConnectionStateNeedsLogin), nil
		}
		return said(wit.ConnectionStateConnected), nil
	}
	return p
}

// wait is what is said before the platform has answered once.
func wait(e *wit.ChannelEvent) *wit.AccountStatus {
	if e.Kind != wit.EventKindStart {
		return nil
	}
	return &wit.AccountStatus{State: wit.ConnectionStateConnecting}
}

func said(state wit.ConnectionState) *wit.ChannelAnswer {
	return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: state}, Timers: []wit.Timer{{ID: "again", After: 10_000}}}
}

// TestMetricsOfAccounts: whoever watches the gateway sees each account that should be connected, and for how long it has
// not been; the doctor and channels.status say the same.
func TestMetricsOfAccounts(t *testing.T) {
	inBubble("polls", t, func(t *testing.T) {
		var dead, refused atomic.Bool
		w := newWorld(t, asking(func(account string) (uint16, error) {
			switch {
			case account == "b" && dead.Load():
				return 0, wit.NewError(wit.CodeUnavailable, "nobody there")
			case account == "b" && refused.Load(), account == "d":
				return 401, nil
			}
			return 200, nil
		}))
		w.accounts = []channel.Account{{ID: "a", Enabled: true}, {ID: "b", Enabled: true}, {ID: "c"}, {ID: "d", Enabled: true}}
		s, _ := w.run()
		look := func(when, figured string, doctor bool, doctored string) {
			t.Helper()
			synctest.Wait()
			if got := figures(s); got != figured {
				t.Errorf("%s: metrics %q, want %q", when, got, figured)
			}
			if c := s.Service().Checks[0](t.Context()); c.OK != doctor || !strings.Contains(c.Message, doctored) {
				t.Errorf("%s: the doctor says %+v", when, c)
			}
			for _, is := range s.List() {
				connected := strings.Contains(figured, is.Account+" 1 ")
				if (is.Condition() == "connected") != connected {
					t.Errorf("%s: %s is %s, and the metrics say %q", when, is.Account, is.Condition(), figured)
				}
			}
		}
		time.Sleep(2 * time.Second)
		look("at first", "a 1 2, b 1 2, d 0 2", false, "chat/d: needs_login")
		dead.Store(true)
		time.Sleep(60 * time.Second)
		look("b cannot be reached", "a 1 2, b 0 62, d 0 62", false, "chat/d: needs_login")
		w.configure(w.accounts[:3]...)
		look("without d", "a 1 2, b 0 62", true, "chat/b: disconnected")
		dead.Store(false)
		refused.Store(true)
		time.Sleep(20 * time.Second)
		look("b is refused", "a 1 2, b 0 82", false, "chat/b: needs_login")
		refused.Store(false)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := figures(s); !strings.HasPrefix(got, "a 1 2, b 1 ") {
			t.Errorf("b is well again: %q", got)
		}
		if err := call(t, s, "channels.stop", `{"channel":"chat","accountId":"a"}`, nil); err != nil {
			t.Fatal(err)
		}
		if got := figures(s); !strings.HasPrefix(got, "b 1 ") {
			t.Errorf("a is off: %q", got)
		}
	})
	inBubble("connections", t, func(t *testing.T) {
		var gw atomic.Pointer[pipe] // nil while there is no way to it
		gw.Store(newPipe())
		w := newWorld(t, opener(wit.OpenConnection{}, silent))
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) {
			if open := gw.Load(); open != nil {
				return open, nil
			}
			return nil, wit.NewError(wit.CodeUnavailable, "no route")
		}}
		s, _ := w.run()
		time.Sleep(time.Hour)
		if got := figures(s); got != "main 1 0" {
			t.Errorf("an open connection: %q", got)
		}
		began := s.ConnectedSince("chat", "main")
		if d := time.Since(began); d != time.Hour || !s.ConnectedSince("chat", "none").IsZero() {
			t.Errorf("connected since %v", d)
		}
		_ = gw.Swap(nil).Close()
		time.Sleep(time.Minute)
		if got := figures(s); !strings.HasPrefix(got, "main 0 36") || !s.ConnectedSince("chat", "main").IsZero() {
			t.Errorf("a broken one: %q", got)
		}
		gw.Store(newPipe())
		time.Sleep(6 * time.Second)
		if got := figures(s); got != "main 1 0" {
			t.Errorf("it is back: %q", got)
		}
		if d := time.Since(s.ConnectedSince("chat", "main")); d > 6*time.Second {
			t.Errorf("connected since %v", d)
		}
	})
}
