package ollama_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/pull"
	"github.com/carapace-gateway/carapace/kernel/service/task"
)

// TestPull: a model is fetched through a whole gateway, by its name with or without the provider's, and can be talked to after it;
// what goes wrong is told with what to do.
func TestPull(t *testing.T) {
	t.Parallel()
	s := ollamatest.New()
	s.Offer("llama3.2:latest", ollamatest.Pull{Size: 2 << 30, Steps: 4})
	s.Offer("full:latest", ollamatest.Pull{Size: 1 << 40, Steps: 4, After: 2, Error: "write /models/blobs/sha256-1-partial-0: no space left on device"})
	s.Offer("cut:latest", ollamatest.Pull{Size: 1 << 30, Steps: 4, After: 2, Cut: true})
	s.Offer("new:latest", ollamatest.Pull{Size: 1 << 30, Steps: 4, Error: "pull model manifest: 412: The model you are attempting to pull requires a newer version of Ollama."})
	s.Offer("far:latest", ollamatest.Pull{Size: 1 << 30, Steps: 4, Error: "max retries exceeded: EOF"})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"ollama":{"config":{"baseUrl":%q}}}}`, web.URL)))
	l := k.Listen()
	for name, want := range map[string]string{
		"none":              "ollama: there is no model of this name to be fetched",
		"ollama/none":       "ollama: there is no model of this name to be fetched",
		"ollama/no such":    "this is no name of a model",
		"ollama":            "say which model: ollama/NAME",
		"ollama/full":       "the disk of the server is full",
		"ollama/cut":        "broke off",
		"ollama/new":        "update it where the server runs",
		"ollama/far":        "see whether its machine is connected",
		"eliza/eliza":       "no provider that is set up fetches the model",
		"anthropic/nothing": "no provider that is set up fetches the model",
	} {
		if err := l.CallTwoPhase(t.Context(), "models.pull", map[string]any{"model": name}, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	var r pull.Result
	if err := l.CallTwoPhase(t.Context(), "models.pull", map[string]any{"model": "llama3.2"}, nil, &r); err != nil {
		t.Fatal(err)
	}
	if r.Model != "ollama/llama3.2" || !strings.HasPrefix(r.TaskID, "pull-") {
		t.Errorf("%+v", r)
	}
	s.Play(ollamatest.Answer{Text: "Here I am."})
	l.MustCall("sessions.patch", map[string]any{"key": "main", "model": "ollama/llama3.2"}, nil)
	if got := l.Ask("hello", "hello"); got != "Here I am." {
		t.Errorf("the answer is %q", got)
	}
	web.Close()
	if err := l.CallTwoPhase(t.Context(), "models.pull", map[string]any{"model": "llama3.2"}, nil, nil); err == nil || !strings.Contains(err.Error(), "`ollama serve` starts it") {
		t.Errorf("the server does not run: %v", err)
	}
}

// TestPullIsATask: what is fetched is seen by all clients, goes on without the one that asked for it, is fetched once, and is stopped
// by whoever stops it: the server's client has gone.
func TestPullIsATask(t *testing.T) {
	t.Parallel()
	s := ollamatest.New()
	s.Offer("llama3.2:latest", ollamatest.Pull{Size: 2 << 30, Steps: 4, After: 3, Hang: true})
	up := kerneltest.NewUpstream(s)
	web := httptest.NewServer(up)
	t.Cleanup(web.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"ollama":{"config":{"baseUrl":%q}}}}`, web.URL)))
	l := k.Listen()
	var begun, again pull.Started
	asks := k.Dial()
	if err := asks.Call(t.Context(), "models.pull", pull.Params{Model: "ollama/llama3.2"}, &begun); err != nil || begun.Model != "ollama/llama3.2" || begun.Status != "accepted" {
		t.Fatalf("%+v, %v", begun, err)
	}
	l.Event(pull.ProgressKind.Name, func(payload json.RawMessage) bool {
		return strings.Contains(string(payload), `"step":"pulling 6a0746a1ec1a","completed":1610612736,"total":2147483648`)
	})
	if err := asks.Close(); err != nil {
		t.Fatal(err)
	}
	joined, ends := make(chan error, 1), make(chan error, 1)
	go func() {
		ends <- l.CallTwoPhase(t.Context(), "models.pull", pull.Params{Model: "llama3.2"}, func(early json.RawMessage) { joined <- json.Unmarshal(early, &again) }, nil)
	}()
	if err := <-joined; err != nil || again != begun {
		t.Errorf("who asks too is told %+v, %v", again, err)
	}
	var all task.ListResult
	l.MustCall("tasks.list", nil, &all)
	if len(all.Tasks) != 1 || all.Tasks[0].ID != begun.TaskID || all.Tasks[0].Kind != "pull" || all.Tasks[0].Status != "running" || all.Tasks[0].Progress != "pulling 6a0746a1ec1a, 75 %" {
		t.Errorf("%+v", all.Tasks)
	}
	var done task.CancelResult
	l.MustCall("tasks.cancel", map[string]any{"taskId": begun.TaskID, "reason": "not now"}, &done)
	if !done.Cancelled || done.Task.Status != "cancelled" || done.Task.Error != "ollama/llama3.2 is fetched no more: not now" {
		t.Errorf("%+v %+v", done, done.Task)
	}
	if path := up.Left(l); path != "/api/pull" {
		t.Errorf("who asked for %s has gone", path)
	}
	l.Event(pull.ProgressKind.Name, func(payload json.RawMessage) bool { return strings.Contains(string(payload), `"status":"cancelled"`) })
	l.MustCall("tasks.cancel", map[string]any{"taskId": begun.TaskID}, &done)
	if done.Cancelled || done.Reason != "it has ended already" {
		t.Errorf("%+v", done)
	}
	if err := <-ends; err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("who waits is told %v", err)
	}
}
