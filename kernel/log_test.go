package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// moody is the channel of kerneltest.Platform, which says at its start and with each answer to a poll that its account is as mood says.
func moody(mood *atomic.Value, version string) plugintest.Fake {
	f := kerneltest.Channel("chat", func(m *wit.Manifest) { m.Version = version })
	event := f.Exports["channel_event"]
	f.Exports["channel_event"] = func(ctx context.Context, in []byte) ([]byte, error) {
		var e wit.ChannelEvent
		var a wit.ChannelAnswer
		out, err := event(ctx, in)
		if err != nil || wit.Unmarshal(in, &e) != nil || wit.Unmarshal(out, &a) != nil || e.Kind != wit.EventKindResponse && e.Kind != wit.EventKindStart {
			return out, err
		}
		a.Status = &wit.AccountStatus{State: mood.Load().(wit.ConnectionState), Message: new("as the platform says")}
		return wit.Marshal(&a), nil
	}
	return f
}

// TestTheLogSaysWhatTheOwnerWantsToSee: at the level info there is a line for each thing, once, with who and why, and
// without what somebody wrote.
func TestTheLogSaysWhatTheOwnerWantsToSee(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, memory := kerneltest.NewMemoryPlatform(t)
		var mood atomic.Value
		mood.Store(wit.ConnectionStateConnected)
		source := new(plugintest.Memory)
		source.Put(moody(&mood, "1.0.0"))
		k := kerneltest.Start(t, memory, account(t, p, `,"groups":["good"]`), kerneltest.Source(source), kerneltest.Plugin(kerneltest.Echo("echo")))
		l := k.Listen()
		say := func(kind wit.ConversationKind, where, who string) {
			p.Message(wit.Message{Conversation: wit.Conversation{Kind: kind, ID: where}, Sender: wit.Person{ID: who}, Text: "private words", Mentioned: true})
		}
		patch := func(raw string) {
			var now struct{ Hash string }
			l.MustCall("config.get", map[string]any{}, &now)
			l.MustCall("config.patch", map[string]any{"raw": raw, "baseHash": now.Hash}, nil)
		}
		seen := 0
		for _, step := range []struct {
			name string
			do   func()
			want []string // parts of one line
		}{
			{"a plugin is live", func() {}, []string{"plugin live", "plugin=chat", "version=1.0.0"}},
			{"a channel is connected", func() { setToken(l) }, []string{"channel connected", "account=chat/home"}},
			{"somebody asks to write", func() { say(wit.ConversationKindDirect, "eve", "eve") }, []string{"asks to write", "account=chat/home", "sender=eve", "carapace pairing list"}},
			{"a group is refused", func() { say(wit.ConversationKindGroup, "bad", "ann") }, []string{"message refused", "account=chat/home", "conversation=bad", "sender=ann", "the group is not in groups"}},
			{"nobody is let in", func() {
				patch(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"disabled","groupPolicy":"disabled"}}}}}`)
				time.Sleep(time.Second)
				say(wit.ConversationKindDirect, "bob", "bob")
			}, []string{"message refused", "account=chat/home", "sender=bob", "dmPolicy is disabled"}},
			{"nor a group", func() { say(wit.ConversationKindGroup, "good", "ann") }, []string{"message refused", "conversation=good", "groupPolicy is disabled"}},
			{"a channel is lost", func() {
				mood.Store(wit.ConnectionStateDisconnected)
				say(wit.ConversationKindGroup, "bad", "ann")
			}, []string{"channel not connected any more", "account=chat/home", "state=disconnected", "as the platform says"}},
			{"and back", func() {
				mood.Store(wit.ConnectionStateConnected)
				say(wit.ConversationKindGroup, "bad", "ann")
			}, []string{"channel connected", "account=chat/home"}},
			{"a token is refused", func() {
				mood.Store(wit.ConnectionStateNeedsLogin)
				say(wit.ConversationKindGroup, "bad", "ann")
			}, []string{"channel not connected any more", "state=needs_login"}},
			{"for another reason now", func() {
				mood.Store(wit.ConnectionStateFailed)
				say(wit.ConversationKindGroup, "bad", "ann")
			}, []string{"channel not connected:", "state=failed"}},
			{"a start that fails", func() {
				l.MustCall("channels.stop", map[string]any{"channel": "chat"}, nil)
				mood.Store(wit.ConnectionStateNeedsLogin)
				l.MustCall("channels.start", map[string]any{"channel": "chat"}, nil)
			}, []string{"channel not connected:", "account=chat/home", "state=needs_login"}},
			{"a plugin is replaced", func() { source.Put(moody(&mood, "2.0.0")) }, []string{"plugin replaced", "plugin=chat", "version=2.0.0", "before=1.0.0"}},
			{"a plugin is gone", func() { source.Remove("chat") }, []string{"plugin off", "plugin=chat"}},
			{"the level is another", func() { patch(`{"log":{"level":"warn"}}`) }, []string{"log level changed", "level=warn"}},
			{"and less is said", func() { source.Put(moody(&mood, "3.0.0")) }, nil},
			{"until it is back", func() { patch(`{"log":{"level":"info"}}`) }, []string{"log level changed", "level=info"}},
		} {
			step.do()
			time.Sleep(15 * time.Second)
			synctest.Wait()
			all := k.Logged()
			fresh := all[seen:]
			seen = len(all)
			n := 0
			for _, line := range fresh {
				if strings.Contains(line, "private words") {
					t.Errorf("%s: what was written is in the log: %s", step.name, line)
				}
				if hasAll(line, []string{"channel not connected:", "state=connecting"}) {
					t.Errorf("%s: that it connects is no news: %s", step.name, line)
				}
				if hasAll(line, step.want) {
					n++
				}
			}
			if want := min(len(step.want), 1); step.want != nil && n != want || step.want == nil && len(fresh) != 0 {
				t.Errorf("%s: %d lines have %q:\n%s", step.name, n, step.want, fmt.Sprint(strings.Join(fresh, "\n")))
			}
		}
	})
}

// hasAll reports whether a line has all parts.
func hasAll(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}
