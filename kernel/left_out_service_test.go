package kernel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWithoutAService: a service that is left out of the list takes its methods and events with it, and the
// rest works: a client gets its answer, a platform's message is taken in, and nobody reports a fault.
func TestWithoutAService(t *testing.T) {
	for name, c := range map[string]struct {
		methods, events []string // that are gone
		answers         bool     // what is said on a platform is answered there
	}{
		"cron":       {methods: []string{"cron.list", "cron.add"}, events: []string{"cron"}, answers: true},
		"tts":        {methods: []string{"tts.status", "tts.convert", "talk.speak"}, answers: true},
		"talk":       {methods: []string{"talk.mode", "talk.catalog"}, events: []string{"talk.mode"}, answers: true},
		"voicewake":  {methods: []string{"voicewake.get"}, events: []string{"voicewake.changed"}, answers: true},
		"heartbeat":  {methods: []string{"last-heartbeat", "wake", "system-event"}, events: []string{"heartbeat"}, answers: true},
		"usage":      {methods: []string{"usage.cost", "sessions.usage"}, answers: true},
		"task":       {methods: []string{"tasks.list"}, answers: true},
		"audit":      {methods: []string{"audit.list"}, answers: true},
		"offer":      {methods: []string{"skills.status", "tools.catalog"}, answers: true},
		"roster":     {methods: []string{"agents.create", "agents.files.get"}, events: []string{"agents.changed"}, answers: true},
		"wizard":     {methods: []string{"wizard.start", "wizard.next"}, answers: true},
		"hook":       {answers: true},
		"draft":      {answers: true},
		"webhook":    {answers: true},
		"background": {answers: true},
		"delivery":   {methods: []string{"send", "delivery.list"}, events: []string{"message.delivered"}},
		"channel":    {methods: []string{"channels.status", "channels.start"}, events: []string{"channels.changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := kerneltest.NewPlatform(t)
			k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat")), without(name),
				kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}}}`, p.URL)))
			l := k.Listen()
			methods, events := l.Hello().Features.Methods, l.Hello().Features.Events
			l.MustCall("plugins.configure", map[string]any{"id": "chat", "account": "home", "secrets": map[string]string{"token": "platform-token"}}, nil)
			for _, gone := range c.methods {
				if slices.Contains(methods, gone) {
					t.Errorf("%s is still offered", gone)
				}
				if err := l.Call(t.Context(), gone, nil, nil); err == nil || !strings.Contains(err.Error(), "unknown method") {
					t.Errorf("%s: %v", gone, err)
				}
			}
			for _, gone := range c.events {
				if slices.Contains(events, gone) {
					t.Errorf("the event %s is still announced", gone)
				}
			}
			for _, there := range []string{"chat.send", "sessions.list", "status", "doctor", "plugins.status"} {
				if !slices.Contains(methods, there) {
					t.Errorf("%s is gone too", there)
				}
			}
			if got := l.Ask("1", "hello"); got != "you said: hello" {
				t.Errorf("a client is answered %q", got)
			}
			if name != "channel" {
				p.Say("ann", "hi")
				l.Event("message.received", func(json.RawMessage) bool { return true })
			}
			if c.answers {
				p.Answered("you said: hi")
			}
			l.MustCall("status", nil, nil)
			l.MustCall("doctor", nil, nil)
		})
	}
}

// TestANeededServiceStays: what others cannot do without is refused by name.
func TestANeededServiceStays(t *testing.T) {
	log, err := logs.New(logs.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"session", "run", "nonsense"} {
		_, err := kernel.New(context.Background(), kernel.Options{
			Version: "1.0.0", Log: log, Listener: gatewaytest.NewListener(), Without: []string{name},
		})
		if e := (*wit.Error)(nil); !errors.As(err, &e) || e.Code != wit.CodeInvalid || !strings.Contains(e.Message, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// without leaves services out.
func without(names ...string) kerneltest.Option {
	return func(o *kernel.Options) { o.Without = names }
}
