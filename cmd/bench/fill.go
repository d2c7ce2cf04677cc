package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// What is filled in.
const (
	fillBatch   = 500 // records a transaction
	longSession = "long"
	bigMessage  = 64 << 10
	jobsEach    = 100 // of a plugin
	clientJobs  = schedule.MaxJobs
)

// fill opens the store of a state directory while no gateway runs on it.
func fill(ctx context.Context, dir string, do func(store.Store) error) error {
	db, err := store.Open(ctx, filepath.Join(dir, "carapace.db"), store.Options{})
	if err != nil {
		return err
	}
	vault, err := secret.Open(ctx, secret.Config{Store: db, StateDir: dir})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	records, err := kernel.OpenRecords(ctx, db, vault)
	if err == nil {
		err = do(records)
	}
	return errors.Join(err, db.Close())
}

// inBatches calls put for each number below n, many in one transaction.
func inBatches(ctx context.Context, db store.Store, n int, put func(tx store.Tx, i int) error) error {
	for from := 0; from < n; from += fillBatch {
		if err := db.Update(ctx, func(tx store.Tx) error {
			for i := from; i < min(from+fillBatch, n); i++ {
				if err := put(tx, i); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// said is a message of a conversation.
func said(i int, text string) session.Message {
	role := wit.RoleUser
	if i%2 == 1 {
		role = wit.RoleAssistant
	}
	return session.Message{Role: role, Parts: []wit.Part{session.TextPart(text)}}
}

// fillArranged is fill of a store whose sessions are in their places.
func fillArranged(ctx context.Context, dir string, with func(store.Store) error) error {
	return fill(ctx, dir, func(db store.Store) error {
		sessions := session.New(session.Deps{
			Store: db, Bus: &event.Bus{}, Queue: run.SessionQueue{}, Log: hclog.NewNullLogger(), Settings: func() session.Settings { return session.Settings{} },
		})
		if err := sessions.Arrange(ctx); err != nil {
			return err
		}
		return with(db)
	})
}

// fillSessions makes as many sessions as are missing to n, each with a message.
func fillSessions(ctx context.Context, dir string, n int) error {
	return fillArranged(ctx, dir, func(db store.Store) error {
		return inBatches(ctx, db, n, func(tx store.Tx, i int) error {
			key := session.Key(fmt.Sprint("agent:main:s", i))
			if _, err := session.Get(tx, key); wit.CodeOf(err) != wit.CodeNotFound {
				return err
			}
			if _, err := session.Ensure(tx, key, message.Origin{}); err != nil {
				return err
			}
			_, err := session.Append(tx, key, said(0, fmt.Sprintf("question %d about the weather of tomorrow", i)))
			return err
		})
	})
}

// fillMessages makes the long session's history n messages long, each with a text, or with one of about a kilobyte.
func fillMessages(ctx context.Context, dir string, n int, text string) error {
	const key = session.Key("agent:main:" + longSession)
	return fill(ctx, dir, func(db store.Store) error {
		have := 0
		if err := db.Update(ctx, func(tx store.Tx) error {
			e, err := session.Ensure(tx, key, message.Origin{})
			have = int(e.Last)
			return err
		}); err != nil {
			return err
		}
		return inBatches(ctx, db, max(0, n-have), func(tx store.Tx, i int) error {
			said := said(i, text)
			if text == "" {
				said.Parts[0] = session.TextPart(strings.Repeat(fmt.Sprintf("message %d, about the weather of tomorrow; ", i), 25))
			}
			_, err := session.Append(tx, key, said)
			return err
		})
	})
}

// fillJobs makes as many jobs as are missing to n, which are due in a year. They are made in memory, since each is a
// transaction of its own, and carried over.
func fillJobs(ctx context.Context, dir string, n int) error {
	made := store.OpenMemory()
	defer made.Close()
	s := schedule.New(schedule.Deps{Store: made, Claims: new(claim.Local)})
	later := time.Now().Add(365 * 24 * time.Hour).UnixMilli()
	for i := range n {
		owner := schedule.Owner("cron")
		if i >= clientJobs {
			owner = schedule.Owner(fmt.Sprint("plugin:p", i/jobsEach))
		}
		j := schedule.Job{
			ID: fmt.Sprint("j", i), Owner: owner, Name: fmt.Sprint("job ", i), Enabled: true, Spec: schedule.Spec{At: later + int64(i)},
			Payload: []byte(`{"kind":"systemEvent","text":"tick","target":"main","wakeMode":"now"}`),
		}
		if _, err := s.Add(ctx, j); err != nil {
			return err
		}
	}
	return fill(ctx, dir, func(db store.Store) error {
		return carry(ctx, made, db, "schedule.job", "schedule.due", "schedule.order", "schedule.count")
	})
}

// carry copies spaces of a store.
func carry(ctx context.Context, from, to store.Store, spaces ...string) error {
	return from.View(ctx, func(src store.Tx) error {
		for _, space := range spaces {
			var all []store.Record
			for rec, err := range src.Scan(space, store.Range{}) {
				if err != nil {
					return err
				}
				all = append(all, rec)
			}
			if err := inBatches(ctx, to, len(all), func(tx store.Tx, i int) error { return tx.Put(space, all[i].Key, all[i].Value) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// measureTick is how long a job takes that is due, from its addition to its recorded end, beside those in the store.
func measureTick(ctx context.Context, dir string) (took time.Duration, err error) {
	return took, fill(ctx, dir, func(db store.Store) error {
		ended := make(chan struct{}, 1)
		s := schedule.New(schedule.Deps{Store: db, Claims: new(claim.Local)})
		s.Handle("kernel", schedule.Handler{
			Fire: func(context.Context, schedule.Firing) (schedule.Result, error) { return schedule.Result{}, nil },
			Changed: func(c schedule.Change) {
				if c.Action == schedule.Removed {
					ended <- struct{}{}
				}
			},
		})
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		tick := func() (time.Duration, error) {
			begin := time.Now()
			_, err := s.Add(ctx, schedule.Job{Owner: "kernel", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: begin.UnixMilli()}})
			if err != nil {
				return 0, err
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-ended:
				return time.Since(begin), nil
			}
		}
		_, err := tick() // behind what Run does first
		if err == nil {
			took, err = median(ticks, tick)
		}
		cancel()
		return errors.Join(err, <-done)
	})
}

// allow lets this process and the gateway of a state directory have so many connections.
func allow(dir string, connections int) error {
	if err := raiseFiles(uint64(connections) + 1000); err != nil {
		return fmt.Errorf("%d connections need as many open files: %w", connections, err)
	}
	config := fmt.Sprintf(`{"gateway":{"maxConnections":%d}}`, connections+10)
	return os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(config), 0o600)
}

// nothing is a module that exports tool_invoke, which returns 0.
func nothing(name string) []byte { return tool(name, 0) }

// large is one with as much code besides as Go makes of a small plugin.
func large(name string) []byte { return tool(name, 5000) }

// tool is a module that exports tool_invoke, which returns 0, and has further functions that compute. Its sections are
// types () -> i32, functions of it, the export, and the code. A custom section makes each plugin's code one of its own.
func tool(name string, more int) []byte {
	ret := []byte{0, 0x41, 0, 0x0b} // no locals, i32.const 0, end
	var sums []byte                 // one local that is changed over and over, and then returned
	sums = append(sums, 1, 1, 0x7f)
	for n := range 100 {
		sums = append(sums, 0x20, 0, 0x41, byte(n%64), 0x6a, 0x41, 3, 0x6c, 0x21, 0) // x = (x + n) * 3
	}
	sums = append(sums, 0x20, 0, 0x0b)
	code := sized(ret)
	for range more {
		code = append(code, sized(sums)...)
	}
	count := number(more + 1)
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"), section(1, []byte{1, 0x60, 0, 1, 0x7f}),
		section(3, append(count, make([]byte, more+1)...)), section(7, slices.Concat([]byte{1}, sized([]byte("tool_invoke")), []byte{0, 0})),
		section(10, slices.Concat(count, code)), section(0, sized([]byte(name))))
}

func number(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sized(b []byte) []byte { return append(number(len(b)), b...) }

func section(id byte, body []byte) []byte { return append([]byte{id}, sized(body)...) }

func pluginID(i int) string { return fmt.Sprint("tool-", i) }

func toolName(i int) string { return strings.ReplaceAll(pluginID(i), "-", "_") }

// fillPlugins puts as many plugins as are missing to n into the plugins' folder.
func fillPlugins(dir string, n int) error {
	for i := range n {
		if err := putPlugin(dir, pluginID(i), nothing(pluginID(i))); err != nil {
			return err
		}
	}
	return nil
}

// putPlugin puts one there, a tool that does nothing.
func putPlugin(dir, id string, code []byte) error {
	folder := filepath.Join(dir, "plugins", id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	manifest := fmt.Sprintf(`{"id":%q,"name":"Nothing","version":"1.0.0","description":"Does nothing.","abi":1,"entry":"plugin.wasm",
"provides":{"tools":[{"name":%q,"description":"Does nothing.","parameters":{"type":"object"}}]}}`, id, strings.ReplaceAll(id, "-", "_"))
	return errors.Join(os.WriteFile(filepath.Join(folder, "plugin.wasm"), code, 0o600),
		os.WriteFile(filepath.Join(folder, "plugin.json"), []byte(manifest), 0o600))
}
