// Command demo kills a gateway ten times while 25 people ask it 500 questions through a channel, and prints what became of every
// one of them. It exits with 0 only when no message is lost and none is answered twice without the excuse that a kill came between
// a send and its record.
//
//	make demo
//	make demo CHANNEL=telegram
//	go run ./cmd/demo -gateway bin/carapace -messages 500 -kills 10 -seed 7
//
// With -first it writes a first plugin instead, as docs/plugins.md says, and prints how long that takes in each language:
//
//	make first-plugin
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/cmd/demo/crash"
	"github.com/carapace-gateway/carapace/cmd/demo/first"
	"github.com/carapace-gateway/carapace/cmd/examples"
	"github.com/carapace-gateway/carapace/cmd/platforms"
)

func main() {
	var o crash.Options
	flag.StringVar(&o.Gateway, "gateway", "bin/carapace", "the built gateway")
	flag.IntVar(&o.Messages, "messages", 500, "how many messages are sent")
	flag.StringVar(&o.Channel, "channel", "telegram", "which channel: one of "+strings.Join(platforms.Channels(), ", "))
	flag.IntVar(&o.People, "people", 25, "by how many people")
	flag.IntVar(&o.Kills, "kills", 10, "how often the gateway is killed")
	flag.Uint64Var(&o.Seed, "seed", rand.Uint64(), "of everything that is random")
	flag.DurationVar(&o.Pace, "pace", 80*time.Millisecond, "mean time between two messages")
	flag.DurationVar(&o.Window, "window", time.Second, "how long before a kill a repeated send may have been made")
	begin := flag.Bool("first", false, "write a first plugin instead, in each language, as docs/plugins.md says, and print how long it takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	if *begin {
		err := firstPlugins(ctx, o.Gateway)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
			os.Exit(2)
		}
		return
	}
	o.Progress = os.Stderr
	fmt.Fprintln(os.Stderr, "seed", o.Seed)
	report, err := crash.Run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	report.Markdown(os.Stdout)
	if !report.OK() {
		os.Exit(1)
	}
}

// firstPlugins writes a plugin in each language and has it answer a message.
func firstPlugins(ctx context.Context, gateway string) error {
	program, err := filepath.Abs(gateway)
	if err != nil {
		return err
	}
	page, err := os.ReadFile("docs/plugins.md")
	if err != nil {
		return err
	}
	if err := examples.FindCompilers("."); err != nil {
		return err
	}
	python, err := filepath.Abs(examples.Python)
	if err != nil {
		return err
	}
	o := first.Options{Carapace: program, Page: string(page), Said: os.Stderr, Python: python,
		Fetch: func(dir, lang string) error { return examples.Fetch(".", dir, lang) }}
	var results []first.Result
	for _, lang := range first.Languages() {
		r, err := first.Run(ctx, o, lang)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	first.Markdown(os.Stdout, results)
	return nil
}
