package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// outboundEach is how many messages wait for one conversation.
const outboundEach = 10

// outbound measures a gateway with messages for a channel that is not there, so that all of them wait.
func (g growthBench) outbound(ctx context.Context, f *family, dir string, n int) error {
	if err := fillOutbound(ctx, dir, n); err != nil {
		return err
	}
	listening, err := g.start(ctx, dir)
	if err != nil {
		return err
	}
	f.took("start to listening", flat, listening)
	return g.with(ctx, dir, func(p *process.Process, c *client.Client) error {
		time.Sleep(quiet) // a start looks at each conversation once, beside what else goes on
		if err := costs(ctx, f, p, c, "delivery.list", map[string]any{"limit": pageRows}); err != nil {
			return err
		}
		if err := costs(ctx, f, p, c, "delivery.list", map[string]any{"limit": pageRows, "state": "held"}); err != nil {
			return err
		}
		if err := costs(ctx, f, p, c, "status", nil); err != nil {
			return err
		}
		memory, err := p.Memory()
		f.add("memory", linear, inMB, float64(memory))
		return err
	})
}

// waiting measures a gateway with sessions in each of which a run waits, since the model answers nobody.
func (g growthBench) waiting(ctx context.Context, f *family, dir string, n int) error {
	model, err := serveSilence(dir)
	if err != nil {
		return err
	}
	defer model.Close()
	if err := fillRuns(ctx, dir, n); err != nil {
		return err
	}
	listening, err := g.start(ctx, dir)
	if err != nil {
		return err
	}
	f.took("start to listening", flat, listening)
	return g.with(ctx, dir, func(p *process.Process, c *client.Client) error {
		time.Sleep(quiet) // a start looks at the whole queue once
		if err := costs(ctx, f, p, c, "sessions.list", map[string]any{"limit": pageRows}); err != nil {
			return err
		}
		if err := costs(ctx, f, p, c, "status", nil); err != nil {
			return err
		}
		sent := 0
		took, err := processor(p, chatTurns, func() error {
			sent++
			_, err := process.Say(ctx, c, fmt.Sprint("new", n, "-", sent), "hello")
			return err
		})
		if err != nil {
			return err
		}
		f.took("`chat.send` to its acknowledgement, processor", flat, took)
		memory, err := p.Memory()
		f.add("memory", linear, inMB, float64(memory))
		return err
	})
}

// costs measures the processor time of a method, with a parameter each time that was not there before, so that no answer
// is one that was kept.
func costs(ctx context.Context, f *family, p *process.Process, c *client.Client, method string, params map[string]any) error {
	with, asked := map[string]any{}, 0
	name := "`" + method + "`"
	for k, v := range params {
		with[k] = v
		if s, ok := v.(string); ok {
			name += " " + s
		}
	}
	took, err := processor(p, pages, func() error {
		asked++
		if method == "sessions.list" {
			with["creatorId"] = fmt.Sprint(asked)
		}
		return c.Call(ctx, method, with, nil)
	})
	f.took(name+", processor", flat, took)
	return err
}

// processor is what the gateway needs of the processor for one of n things that are done.
func processor(p *process.Process, n int, do func() error) (time.Duration, error) {
	used, _, err := used(p, func() error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
	return max(used/time.Duration(n), time.Microsecond), err
}

// serveSilence starts a model that answers nobody, and names it in the settings of a state directory.
func serveSilence(dir string) (*http.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"data":[{"id":"silent"}]}`)
			return
		}
		<-r.Context().Done()
	})}
	go func() { _ = s.Serve(l) }()
	settings := fmt.Sprintf(`{"plugins":{"openai":{"config":{"baseUrl":"http://%s/v1","model":"silent"}}}}`, l.Addr())
	return s, os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(settings), 0o600)
}

// fillOutbound makes as many messages as are missing to n, for a channel that is not there.
func fillOutbound(ctx context.Context, dir string, n int) error {
	queue := delivery.NewQueue()
	return fill(ctx, dir, func(db store.Store) error {
		return inBatches(ctx, db, n, func(tx store.Tx, i int) error {
			return queue.Enqueue(tx, message.Outbound{
				ID: fmt.Sprint("m", i), Channel: "nowhere", Account: "main", Text: fmt.Sprintf("answer %d about the weather of tomorrow", i),
				To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: fmt.Sprint(i / outboundEach)},
			})
		})
	})
}

// fillRuns makes as many sessions with a run that waits as are missing to n.
func fillRuns(ctx context.Context, dir string, n int) error {
	return fillArranged(ctx, dir, func(db store.Store) error {
		return inBatches(ctx, db, n, func(tx store.Tx, i int) error {
			key := session.Key(fmt.Sprint("agent:main:w", i))
			if _, err := session.Ensure(tx, key, message.Origin{}); err != nil {
				return err
			}
			_, err := run.Enqueue(tx, run.Run{ID: fmt.Sprint("w", i), Session: key, Asker: "owner", Text: "hello"})
			return err
		})
	})
}
