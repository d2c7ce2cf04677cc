// Command demo kills a gateway ten times while 25 people ask it 500 questions through Telegram, and
// prints what became of every one of them. It exits with 0 only when no message is lost and none is
// answered twice without the excuse that a kill came between a send and its record.
//
//	make demo
//	go run ./cmd/demo -gateway bin/carapace -messages 500 -kills 10 -seed 7
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/carapace-gateway/carapace/cmd/demo/crash"
)

func main() {
	var o crash.Options
	flag.StringVar(&o.Gateway, "gateway", "bin/carapace", "the built gateway")
	flag.IntVar(&o.Messages, "messages", 500, "how many messages are sent")
	flag.IntVar(&o.Chats, "chats", 25, "by how many people")
	flag.IntVar(&o.Kills, "kills", 10, "how often the gateway is killed")
	flag.Uint64Var(&o.Seed, "seed", rand.Uint64(), "of everything that is random")
	flag.DurationVar(&o.Pace, "pace", 80*time.Millisecond, "mean time between two messages")
	flag.DurationVar(&o.Window, "window", time.Second, "how long before a kill a repeated send may have been made")
	flag.Parse()
	o.Progress = os.Stderr
	fmt.Fprintln(os.Stderr, "seed", o.Seed)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
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
