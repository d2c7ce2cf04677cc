// Command go-watch is a plugin that calls another plugin's tool from time to time, and says when its answer has changed.
package main

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/schedule"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type watch struct{}

// Invoke sets a job that knows what to call, and what was answered now. The same call again sets it anew.
func (watch) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	name, with := args.Get("tool").Text(), args.Get("args").Raw()
	now, err := answer(host, name, with)
	if err != nil {
		return tool.Failed("it cannot be watched: " + err.Error()), nil
	}
	id, every := sum(name+string(with)), args.Get("seconds").Int()*1000
	if err := host.KVPut(id, now, 0); err != nil {
		return nil, err
	}
	_, err = host.Schedule(&wit.ScheduledJob{ID: id, Every: &every,
		Payload: json.Object{}.Text("tool", name).Raw("args", with).Text("session", call.Context.Session).JSON()})
	return tool.Text("It says now: " + now), err
}

// Fire compares. The message's key is the answer that it tells of, so a job that comes again sends it once; what was
// answered is kept last.
func (watch) Fire(host *sdk.Host, firing *wit.Firing) (*wit.Done, error) {
	job, err := json.Parse(firing.Payload)
	if err != nil {
		return nil, err
	}
	name := job.Get("tool").Text()
	now, err := answer(host, name, job.Get("args").Raw())
	if err != nil {
		return nil, err
	}
	before, _, err := host.KVGet(firing.ID)
	if err != nil || now == before {
		return &wit.Done{OK: true}, err
	}
	session := job.Get("session").Text()
	_, err = host.Send(&wit.OutgoingMessage{Session: &session, Text: name + " says now: " + now,
		IdempotencyKey: firing.ID + sum(before+"\x00"+now) + fmt.Sprint(firing.Due)})
	if err != nil {
		return nil, err
	}
	return &wit.Done{OK: true}, host.KVPut(firing.ID, now, 0)
}

// answer is what a tool says, in words.
func answer(host *sdk.Host, name string, args wit.JSON) (string, error) {
	out, err := host.InvokeTool(name, args)
	if err != nil {
		return "", err
	}
	var words []string
	for _, part := range out.Content {
		if part.Text != nil {
			words = append(words, *part.Text)
		}
	}
	return strings.Join(words, "\n"), nil
}

func sum(text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return fmt.Sprintf("%016x", h.Sum64())
}

func init() {
	tool.Register("go-watch", watch{})
	schedule.Register("go-watch", watch{})
}

func main() {}
