package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// TestAutomationPage runs every command that docs/automation.md shows, in order, against one gateway. A job that was started
// has ended before its history is looked at.
func TestAutomationPage(t *testing.T) {
	state := stateDir(t)
	g := serve(t, state)
	token, err := os.ReadFile(filepath.Join(state, kernel.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(t.Context(), client.Options{URL: g.WebSocket(), Token: strings.TrimSpace(string(token))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const shown = "3f6c2a9e5b7d4c1f8e0a6b3d9c"
	bin, ran, id := path(t), 0, ""
	for _, b := range blocks(t, "docs/automation.md") {
		switch b.language {
		case "console":
			if id == "" { // the first command adds the job, whose id is in all that follow
				first, rest, _ := strings.Cut(b.text, "\n$ ")
				ran += play(t, state, bin, strings.ReplaceAll(first, shown, "…"), strings.NewReplacer())
				id = jobNamed(t, c, "morning")
				b.text = "$ " + rest
			}
			ran += play(t, state, bin, strings.ReplaceAll(b.text, shown, id), strings.NewReplacer())
			if strings.Contains(b.text, "cron run ") {
				untilRan(t, c, id)
			}
		case "json":
			if c, err := config.Parse([]byte(b.text)); err != nil || c.Heartbeat.Every != "30m" {
				t.Errorf("%v: %s", err, b.text)
			}
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran != 16 {
		t.Errorf("%d commands", ran)
	}
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"add", "a", "b", "--every", "5m", "--catch-up", "some"}, "catchUp"},
		{[]string{"add", "a", "b", "--every", "5m", "--catch-up-max", "5"}, "only where all are"},
		{[]string{"add", "a", "b", "--every", "5m", "--overlap", "parallel"}, "overlap"},
		{[]string{"add", "a", "b", "--every", "5m", "--tz", "Europe/Vienna"}, "tz"},
		{[]string{"add", "a", "b", "--every", "5m", "--webhook", "http://example.org/x"}, "an address such as https://example.org/done"},
		{[]string{"add", "a", "b", "--every", "5m", "--webhook", "https://example.org/x", "--to", "ann"}, "an answer goes to one place"},
		{[]string{"show", "nothing"}, "there is no job nothing: `carapace cron list` shows which there are"},
		{[]string{"runs", "nothing"}, "there is no job nothing"},
		{[]string{"disable", "nothing"}, "there is no job nothing"},
	} {
		if r := carapace(t, state, append([]string{"cron"}, wrong.args...)...); r.code == 0 || !strings.Contains(r.err, wrong.says) {
			t.Errorf("cron %q: %d %s", wrong.args, r.code, r.err)
		}
	}
}

// jobNamed is the id of a job.
func jobNamed(t *testing.T, c *client.Client, name string) string {
	t.Helper()
	var list struct{ Jobs []struct{ ID, Name string } }
	if err := c.Call(t.Context(), "cron.list", nil, &list); err != nil || len(list.Jobs) != 1 || list.Jobs[0].Name != name {
		t.Fatalf("%+v, %v", list, err)
	}
	return list.Jobs[0].ID
}

// untilRan waits for the end of a job's run.
func untilRan(t *testing.T, c *client.Client, id string) {
	t.Helper()
	for e := range c.Events() {
		var news struct{ JobID, Action string }
		if e.Name == "cron" && json.Unmarshal(e.Payload, &news) == nil && news.JobID == id && news.Action == "finished" {
			return
		}
	}
	t.Fatal("the gateway has gone")
}
