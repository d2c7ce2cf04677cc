// Command go-digest is a plugin that has an agent sum up each day what was said to it, and sends the summary to its
// owner.
package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/schedule"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type digest struct{}

// Invoke sets the job, in place of the one that was set before.
func (digest) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	job := &wit.ScheduledJob{ID: "digest", Payload: json.Object{}.Text("session", call.Context.Session).JSON()}
	if hour := args.Get("hour"); hour.Exists() {
		cron := fmt.Sprintf("0 %d * * *", hour.Int())
		job.Cron = &cron
	} else {
		job.At = &call.Context.Now // now, and once
	}
	if _, err := host.Schedule(job); err != nil {
		return nil, err
	}
	return tool.Text("The summary will be sent here."), nil
}

// Fire asks an agent for the summary. Its key has the time at which it was due, so that a job that comes again after a
// crash asks for the same run; the gateway delivers what comes of it.
func (digest) Fire(host *sdk.Host, firing *wit.Firing) (*wit.Done, error) {
	job, err := json.Parse(firing.Payload)
	if err != nil {
		return nil, err
	}
	said, err := lately(host, time.UnixMilli(firing.Due).Add(-24*time.Hour))
	if err != nil || said == "" {
		return &wit.Done{OK: true}, err
	}
	session := job.Get("session").Text()
	_, err = host.RunAgent(&wit.AgentRequest{
		Message: "Sum up in a few lines what people have said since yesterday:\n\n" + said,
		Deliver: &wit.AnswerDestination{Session: &session}, NoTools: true,
		IdempotencyKey: fmt.Sprintf("%s at %d", firing.ID, firing.Due),
	})
	return &wit.Done{OK: true}, err
}

// lately is what people have said since then in the sessions that were used last, at most some of it.
func lately(host *sdk.Host, since time.Time) (string, error) {
	used, err := host.Sessions(&wit.SessionFilter{Since: since.UnixMilli()})
	if err != nil {
		return "", err
	}
	var said strings.Builder
	for _, s := range used.Sessions {
		history, err := host.History(&wit.HistoryQuery{Session: s.Session})
		if err != nil {
			return "", err
		}
		for _, m := range history.Messages {
			if m.Role == wit.RoleUser && m.Sender != nil && m.Time >= since.UnixMilli() && said.Len() < 100_000 {
				said.WriteString(m.Sender.ID + ": " + m.Text + "\n")
			}
		}
	}
	return said.String(), nil
}

func init() {
	tool.Register("go-digest", digest{})
	schedule.Register("go-digest", digest{})
}

func main() {}
