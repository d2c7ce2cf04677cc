// Command reminder is a tool that has itself called every second, and counts how often that was, for the kernel's
// tests.
package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/schedule"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// version is set at link time, so that one source makes several versions.
var version = "v0"

func init() {
	tool.Register("guest", reminder{})
	schedule.Register("guest", reminder{})
}

func main() {}

type reminder struct{}

// Invoke takes "remind job", and answers "reminded job" with a number.
func (reminder) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	do, job, _ := strings.Cut(args.Get("do").Text(), " ")
	if do == "reminded" {
		times, _, err := host.KVGet(job)
		return tool.Text(times), err
	}
	_, err = host.Schedule(&wit.ScheduledJob{ID: job, Every: new(time.Second.Milliseconds())})
	return tool.Text(version), err
}

// Fire counts how often each job was due.
func (reminder) Fire(host *sdk.Host, f *wit.Firing) (*wit.Done, error) {
	times, _, err := host.KVGet(f.ID)
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(times) // nothing is 0
	return &wit.Done{OK: true}, host.KVPut(f.ID, strconv.Itoa(n+1), 0)
}
