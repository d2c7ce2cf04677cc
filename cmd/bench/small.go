package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/cmd/process"
)

// The small machine, and an hour of what its people say there, as fast as it is answered.
const (
	smallMachine = 256 << 20 // bytes
	smallBudget  = "128M"    // of all plugins, the default there
	people       = 5
	hourTurns    = 600 // of all people
	shortTurns   = 60
	answerLimit  = 2 * time.Minute
)

// small runs a gateway as on a small machine: with Telegram, a model, and three tools, each of which the model asks for in
// turn. It fails when the gateway was ever larger than that machine.
func small(quick bool) func(ctx context.Context, gateway string) ([]table, error) {
	turns := hourTurns
	if quick {
		turns = shortTurns
	}
	return func(ctx context.Context, gateway string) ([]table, error) {
		b := &smallBench{telegram: botapitest.New(botapitest.Config{}), turns: turns}
		defer b.telegram.Close()
		return b.run(ctx, gateway)
	}
}

// smallBench is the world of that gateway.
type smallBench struct {
	telegram *botapitest.Server
	turns    int

	mu    sync.Mutex
	asked map[string]int // how often the model has asked for each tool
}

func (b *smallBench) run(ctx context.Context, gateway string) ([]table, error) {
	model, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := http.Server{Handler: b}
	go func() { _ = server.Serve(model) }()
	defer server.Close()
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b.asked = map[string]int{}
	config := fmt.Sprintf(`{"session":{"dmScope":"per-channel-peer"},"plugins":{"openai":{"config":{"baseUrl":"http://%s/v1","model":"bench"}}}}`, model.Addr())
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(config), 0o600), putPlugin(dir, "nothing", nothing("nothing"))); err != nil {
		return nil, err
	}
	p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir, Arguments: []string{"--memory", smallBudget}})
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	before, err := p.Memory()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := connectTelegram(ctx, p, b.telegram); err != nil {
		return nil, err
	}
	if err := b.talk(ctx); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	most, err := p.MostMemory()
	if err != nil {
		return nil, err
	}
	time.Sleep(quiet)
	after, err := p.Memory()
	if err != nil {
		return nil, err
	}
	t := table{Title: "A small machine",
		Note: fmt.Sprintf("Telegram, a model, and three tools that it asked for %d times, with --memory %s. An hour has %d turns; they were had as fast as they were answered, in %v. Resident; the bound is %s.",
			b.calls(), smallBudget, hourTurns, took.Round(time.Second), mb(smallMachine)),
		Head: []string{"turns", "memory at start", "at most", "after", "bound"},
		Rows: [][]string{{fmt.Sprint(b.turns), mb(before), mb(most), mb(after), holds(most <= smallMachine)}}}
	if err := p.Stop(); err != nil {
		return []table{t}, err
	}
	if most > smallMachine {
		return []table{t}, fmt.Errorf("the gateway took %s at its most, on a machine of %s", mb(most), mb(smallMachine))
	}
	return []table{t}, nil
}

// connectTelegram connects an account of a server, as its owner would.
func connectTelegram(ctx context.Context, p *process.Process, server *botapitest.Server) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	root, err := server.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	const secret = "BENCH_BOT_TOKEN"
	cmd := p.Command(ctx, "setup", "telegram", "--set", "apiRoot="+root, "--secret", "botToken=env:"+secret, "--dm", "open")
	cmd.Env = append(cmd.Env, secret+"="+server.Token())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("connect the account: %w: %s", err, out)
	}
	return server.Wait(ctx, server.Polling)
}

// talk has each of the people say something when what they said before was answered.
func (b *smallBench) talk(ctx context.Context) error {
	errs := make([]error, people)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			who := botapitest.User{ID: int64(1000 + i), FirstName: fmt.Sprint("Person ", i)}
			for n := range b.turns / people {
				if errs[i] = b.ask(ctx, who, n); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// ask says something and waits for the answer.
func (b *smallBench) ask(ctx context.Context, who botapitest.User, n int) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	b.telegram.DM(who, fmt.Sprintf("question %d of %s, about the weather of tomorrow", n, who.FirstName))
	err := b.telegram.Wait(ctx, func() bool {
		said := b.telegram.Messages(who.ID)
		last := said[len(said)-1]
		return last.From != nil && last.From.IsBot && last.Text != ""
	})
	if err != nil {
		return fmt.Errorf("question %d of %s was not answered: %w", n, who.FirstName, err)
	}
	return nil
}

// tools are those that the model asks for, with their arguments.
var tools = []struct{ name, arguments string }{{"calc", `{"expression":"17*23"}`}, {"time", `{}`}, {"nothing", `{}`}}

// calls is how often it has asked.
func (b *smallBench) calls() (sum int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.asked {
		sum += n
	}
	return sum
}

// ServeHTTP is the model: it asks for a tool, and says something of what it brought.
func (b *smallBench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fmt.Fprint(w, `{"data":[{"id":"bench"}]}`)
		return
	}
	var body struct{ Messages []struct{ Role string } }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Messages) == 0 {
		http.Error(w, "no messages", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(delta, finish string) {
		fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`+"\n\n", delta, finish)
	}
	if body.Messages[len(body.Messages)-1].Role == "tool" {
		for n := range modelTokens {
			chunk(fmt.Sprintf(`{"content":"token%d "}`, n), "null")
		}
		chunk("{}", `"stop"`)
	} else {
		b.mu.Lock()
		n := 0
		for _, asked := range b.asked {
			n += asked
		}
		tool := tools[n%len(tools)]
		b.asked[tool.name]++
		b.mu.Unlock()
		chunk(fmt.Sprintf(`{"tool_calls":[{"index":0,"id":"call%d","type":"function","function":{"name":%q,"arguments":%q}}]}`, n, tool.name, tool.arguments), "null")
		chunk("{}", `"tool_calls"`)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}
