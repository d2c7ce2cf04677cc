package channel_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// TestHammer sends messages, each three times, to several accounts at once, while the plugin is
// replaced and settings are looked at again and again.
func TestHammer(t *testing.T) {
	const accounts, messages = 5, 60
	fresh := func(version string) *fakePlugin {
		p := listener(func(string) error { return nil })
		p.version = version
		return p
	}
	w := newWorld(t, fresh("1.0.0"))
	w.accounts = nil
	for i := range accounts {
		w.accounts = append(w.accounts, channel.Account{ID: fmt.Sprint("a", i), Enabled: true, Access: inbox.Access{DM: inbox.PolicyOpen}})
	}
	s, stop := w.run()
	for s.Ready("chat", fmt.Sprint("a", accounts-1)) != nil {
		runtime.Gosched()
	}
	quit := make(chan struct{})
	var upgrades sync.WaitGroup
	upgrades.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
				w.upgrade(fresh(fmt.Sprintf("1.0.%d", i)))
				_ = call(t, s, "channels.status", "{}", nil)
			}
		}
	})
	var senders sync.WaitGroup
	for a := range accounts {
		for i := range messages {
			senders.Go(func() {
				for range 3 {
					for post(s, fmt.Sprintf("/plugins/chat/a%d/in", a), fmt.Sprintf("a%dm%d", a, i)) != 200 {
						runtime.Gosched() // it takes 64 at a time
					}
				}
			})
		}
	}
	senders.Wait()
	close(quit)
	upgrades.Wait()
	if n := len(w.turns()); n != accounts*messages {
		t.Errorf("%d turns of %d", n, accounts*messages)
	}
	// The last upgrade starts the accounts anew.
	for late := time.After(5 * time.Minute); !wellOff(s); runtime.Gosched() {
		select {
		case <-late:
			t.Fatalf("accounts %+v", s.List())
		default:
		}
	}
	stop()
}

func wellOff(s *channel.Service) bool {
	return !slices.ContainsFunc(s.List(), func(a channel.Changed) bool { return a.Phase != "running" || a.State != wit.ConnectionStateConnected })
}
