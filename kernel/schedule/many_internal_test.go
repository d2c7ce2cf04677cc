package schedule

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// fill stores so many jobs that are due each day, beside one another in the second half of it.
func fill(b *testing.B, db store.Store, n int) {
	b.Helper()
	plans := newPlanner(nil, time.UTC)
	now := plans.millis()
	const batch = 2000
	for from := 0; from < n; from += batch {
		err := db.Update(b.Context(), func(tx store.Tx) error {
			for i := from; i < min(from+batch, n); i++ {
				j := Job{
					ID: fmt.Sprintf("job-%06d", i), Owner: "cron", Name: fmt.Sprint("job ", i), Enabled: true, CreatedAt: now, UpdatedAt: now,
					Spec:    Spec{EveryMs: 24 * 3600_000, AnchorMs: now + 12*3600_000 + int64(i)*400},
					Payload: []byte(`{"kind":"agentTurn","text":"look after the plants","target":"isolated","wakeMode":"now"}`),
				}
				plans.plan(&j)
				if err := save(tx, nil, j); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMany measures what a scheduler does beside so many jobs, on a disk.
func BenchmarkMany(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { beside(b, n) })
	}
}

func beside(b *testing.B, n int) {
	db, err := store.Open(b.Context(), b.TempDir()+"/jobs.db", store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	fill(b, db, n)
	ended := make(chan struct{}, 1)
	s := New(Deps{Store: db, Claims: new(claim.Local)})
	s.Handle("cron", Handler{
		Jobs: 2 * n, Fire: func(context.Context, Firing) (Result, error) { return Result{}, nil },
		Changed: func(c Change) {
			if c.Action == Removed {
				ended <- struct{}{}
			}
		},
	})
	run := func(name string, do func(ctx context.Context) error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("start", func(ctx context.Context) error { _, err := s.records.reorder(ctx, s.loop.unplanned); return err })
	run("tick", func(ctx context.Context) error { _, err := s.loop.look(ctx); return err })
	run("page", func(ctx context.Context) error { _, err := s.Page(ctx, "cron", Either, 0, 50); return err })
	run("status", func(ctx context.Context) error { _, err := s.Status(ctx, "cron"); return err })
	run("list", func(ctx context.Context) error { _, err := s.List(ctx, "cron"); return err })
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	once := func(context.Context) error {
		_, err := s.Add(ctx, Job{Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: Spec{At: time.Now().UnixMilli()}})
		if err == nil {
			<-ended
		}
		return err
	}
	if err := once(ctx); err != nil { // behind what Run does first
		b.Fatal(err)
	}
	run("add and run", once)
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
