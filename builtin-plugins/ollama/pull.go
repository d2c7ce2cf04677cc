package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Pull has the server fetch a model, and reads how far it is:
//
//	{"status":"pulling manifest"}
//	{"status":"pulling 6a0746a1ec1a","digest":"sha256:6a0746a1ec1a…","total":4661211424,"completed":1048576}
//	{"status":"verifying sha256 digest"}
//	{"status":"success"}
//
// A failure is one body instead, or a line among them: {"error":"…"}. What of a stream has to be known later is the head's status.
func (Provider) Pull(host *sdk.Host, query *wit.PullQuery) (*wit.PullAnswer, error) {
	if len(query.Events) == 0 {
		return planPull(host, query)
	}
	v, err := json.Parse(query.State)
	if err != nil && len(query.State) > 0 {
		return nil, err
	}
	status, answer := v.Get("status").Int(), &wit.PullAnswer{}
	for i := range query.Events {
		if event := &query.Events[i]; event.Kind == wit.StreamEventKindHead {
			status = int64(event.Status)
		} else if answer.Error == nil && !answer.Done {
			pulled(event, status, answer)
		}
	}
	answer.State = json.Object{}.Int("status", status).JSON()
	return answer, nil
}

// planPull is the request that has a model fetched.
func planPull(host *sdk.Host, query *wit.PullQuery) (*wit.PullAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	request, err := c.request(host, "POST", "/api/pull")
	if err != nil {
		return nil, err
	}
	request.JSON = json.Object{}.Text("model", query.Model).JSON()
	return &wit.PullAnswer{Request: request, Framing: wit.FramingNDJSON}, nil
}

// pulled reads a line, or the body of a failure.
func pulled(event *wit.StreamEvent, status int64, answer *wit.PullAnswer) {
	text := strings.TrimSpace(event.Data)
	if event.Kind == wit.StreamEventKindEnd {
		if event.Error == nil && status >= 300 {
			answer.Error = failure(status, "", wait.Waits{})
		}
		return
	}
	line, err := json.ParseText(text)
	switch {
	case text == "":
	case status >= 300 || err != nil || !line.IsObject() || line.Get("error").Exists():
		answer.Error = failure(status, text, wait.Waits{})
	case line.Get("status").Text() == "success":
		answer.Done = true
	default:
		step := line.Get("status").Text()
		answer.Progress = &wit.PullProgress{
			Step: strings.ToValidUTF8(step[:min(len(step), wit.PullProgressStepMax)], ""), Completed: count(line, "completed"), Total: count(line, "total"),
		}
	}
}

func count(v json.Value, name string) uint64 { return uint64(max(v.Get(name).Int(), 0)) }
