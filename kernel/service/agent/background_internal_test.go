package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestBackground: what nobody waits for goes on within run, which ends after it, and not outside.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b background
		outside := func(context.Context) { t.Error("something goes on outside") }
		b.start(outside)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { b.run(ctx); close(over) }()
		synctest.Wait()
		told := false
		b.start(func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(time.Second) // it takes a moment to stop
			told = true
		})
		synctest.Wait()
		cancel()
		<-over
		if !told {
			t.Error("run ended before what it let begin")
		}
		b.start(outside)
		synctest.Wait()
	})
}
