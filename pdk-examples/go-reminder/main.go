// Command go-reminder is a plugin with a tool that reminds somebody later, in the conversation in which it was asked to.
package main

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/schedule"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type reminder struct{}

// Invoke sets a job, which outlives restarts of the gateway. The call gives it its id, so that the same call again sets
// no second one.
func (reminder) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	due := time.UnixMilli(call.Context.Now).Add(time.Duration(args.Get("seconds").Int()) * time.Second)
	at := due.UnixMilli()
	_, err = host.Schedule(&wit.ScheduledJob{
		ID: name(call), At: &at,
		Payload: json.Object{}.Text("session", call.Context.Session).Text("text", args.Get("text").Text()).JSON(),
	})
	if wit.CodeOf(err) == wit.CodeTooLarge {
		return tool.Failed("there are too many reminders already"), nil
	}
	if err != nil {
		return nil, err
	}
	return tool.Text("They will be reminded at " + due.UTC().Format(time.RFC3339) + "."), nil
}

// name is one for each call.
func name(call *wit.ToolInvocation) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(call.Context.Run + "\x00" + call.Context.CallID))
	return fmt.Sprintf("%016x", sum.Sum64())
}

// Fire sends the reminder. A job that fails, or whose end a crash has hidden, comes again; the key makes the message
// the same one then.
func (reminder) Fire(host *sdk.Host, firing *wit.Firing) (*wit.Done, error) {
	job, err := json.Parse(firing.Payload)
	if err != nil {
		return nil, err
	}
	session := job.Get("session").Text()
	_, err = host.Send(&wit.OutgoingMessage{Session: &session, Text: "⏰ " + job.Get("text").Text(), IdempotencyKey: firing.ID})
	if wit.CodeOf(err) == wit.CodeNotFound { // nobody is there: to try again would not help
		host.Warn(err.Error())
		return &wit.Done{OK: true}, nil
	}
	return &wit.Done{OK: true}, err
}

func init() {
	tool.Register("go-reminder", reminder{})
	schedule.Register("go-reminder", reminder{})
}

func main() {}
