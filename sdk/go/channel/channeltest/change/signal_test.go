package change_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

func TestWaitSeesEachThingThatHappens(t *testing.T) {
	var s change.Signal
	var n atomic.Int32
	go func() {
		for range 100 {
			n.Add(1)
			s.Raise()
		}
	}()
	if err := s.Wait(t.Context(), func() bool { return n.Load() == 100 }); err != nil {
		t.Fatal(err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	var s change.Signal
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Wait(ctx, func() bool { cancel(); return false })
	if err != context.Canceled {
		t.Errorf("%v", err)
	}
}
