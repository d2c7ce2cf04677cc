package mcp

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSessionsAreBounded: those that are idle for long end, the least recently used makes room, and none that is at work.
func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		open := func() *visit {
			t.Helper()
			v, err := s.open(&rpc.Caller{}, "main")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			return v
		}
		use := func(v *visit) error {
			v, err := s.enter(v.id)
			if err == nil {
				s.leave(v, "")
			}
			return err
		}
		var all []*visit
		for range maxSessions {
			all = append(all, open())
		}
		if _, err := s.open(&rpc.Caller{}, "main"); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("all at work: %v", err)
		}
		for _, v := range all {
			s.leave(v, "")
			time.Sleep(time.Second)
		}
		if err := use(all[0]); err != nil {
			t.Error(err)
		}
		s.leave(open(), "")
		if err := use(all[0]); err != nil || len(s.list) != maxSessions {
			t.Errorf("one that was used has made room: %v, %d", err, len(s.list))
		}
		if err := use(all[1]); wit.CodeOf(err) != wit.CodeNotFound || all[1].ctx.Err() == nil {
			t.Errorf("the one that was not used is still there: %v", err)
		}
		busy, err := s.enter(all[2].id)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(sessionIdle)
		if err := use(all[3]); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("one that was idle for too long: %v", err)
		}
		fresh := open()
		if err := use(busy); err != nil || len(s.list) != 2 {
			t.Errorf("one at work: %v; %d are left", err, len(s.list))
		}
		if fresh.caller.ConnID == busy.caller.ConnID || fresh.caller.ConnID == "" {
			t.Errorf("callers %q and %q", fresh.caller.ConnID, busy.caller.ConnID)
		}
	})
}
