package kernel_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/talk"
	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/kernel/service/voicewake"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// TestVoiceWake: the words outlive a restart, what cannot be listened for is left away, and everybody hears of a change: a node
// when it comes, too.
func TestVoiceWake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir))
	l := k.Listen()
	words := func(want ...string) func(json.RawMessage) bool {
		return func(b json.RawMessage) bool {
			var v voicewake.Triggers
			return json.Unmarshal(b, &v) == nil && slices.Equal(v.Triggers, want)
		}
	}
	n := joinNode(t, k, client.Options{Token: kerneltest.Token})
	n.Event("voicewake.changed", words(voicewake.Defaults()...))
	var now voicewake.Triggers
	l.MustCall("voicewake.set", object{"triggers": []any{"  hey \n you ", "", "Computer", "HEY you", strings.Repeat("ü", 40)}}, &now)
	want := []string{"hey you", "Computer", strings.Repeat("ü", 32)}
	if !slices.Equal(now.Triggers, want) {
		t.Errorf("set to %q", now.Triggers)
	}
	l.Event("voicewake.changed", words(want...))
	n.Event("voicewake.changed", words(want...))
	many := make([]any, 100)
	for i := range many {
		many[i] = fmt.Sprint("word ", i)
	}
	if l.MustCall("voicewake.set", object{"triggers": many}, &now); len(now.Triggers) != 32 {
		t.Errorf("%d words are listened for", len(now.Triggers))
	}
	if err := l.Call(t.Context(), "voicewake.set", nil, nil); err == nil || !strings.Contains(err.Error(), "triggers") {
		t.Errorf("without words: %v", err)
	}
	l.MustCall("voicewake.set", object{"triggers": want}, nil)
	k.Stop()
	l = kerneltest.Start(t, kerneltest.StateDir(dir)).Listen()
	if l.MustCall("voicewake.get", nil, &now); !slices.Equal(now.Triggers, want) {
		t.Errorf("after a restart there are %q", now.Triggers)
	}
	if l.MustCall("voicewake.set", object{"triggers": []any{" "}}, &now); !slices.Equal(now.Triggers, voicewake.Defaults()) {
		t.Errorf("without any there are %q", now.Triggers)
	}
}

// TestTalkMode: what may follow what, of each client by itself; each change is an event, and a client that goes takes its mode
// along.
func TestTalkMode(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	l := k.Listen()
	var talker *client.Client
	mode := func(on bool, phase string) (talk.Mode, error) {
		var m talk.Mode
		params := object{"enabled": on}
		if phase != "" {
			params["phase"] = phase
		}
		err := talker.Call(t.Context(), "talk.mode", params, &m)
		return m, err
	}
	for _, steps := range []string{"listening thinking speaking listening idle", "listening listening thinking idle", "speaking idle", "listening thinking listening", "listening !speaking", "!thinking", "listening thinking speaking !thinking", "!shouting"} {
		talker = k.Dial()
		if m, err := mode(true, ""); err != nil || !m.Enabled || *m.Phase != talk.Idle {
			t.Fatalf("at first %+v, %v", m, err)
		}
		for _, phase := range strings.Fields(steps) {
			want, refused := strings.CutPrefix(phase, "!")
			m, err := mode(true, want)
			switch {
			case refused && (err == nil || !strings.Contains(err.Error(), "there are idle") && !strings.Contains(err.Error(), "cannot follow that: ")):
				t.Errorf("%s: %v", steps, err)
			case !refused && (err != nil || string(*m.Phase) != want || m.Ts == 0):
				t.Errorf("%s: %s is %+v, %v", steps, want, m, err)
			}
		}
		if m, err := mode(false, ""); err != nil || m.Enabled || m.Phase != nil {
			t.Errorf("off: %+v, %v", m, err)
		}
	}
	var status talk.StatusResult
	if l.MustCall("talk.status", nil, &status); len(status.Talking) != 0 {
		t.Errorf("talking: %+v", status)
	}
	two, last := k.Dial(), talk.Mode{}
	heard := func(on bool) {
		t.Helper()
		l.Event("talk.mode", func(b json.RawMessage) bool {
			var m talk.Mode
			return json.Unmarshal(b, &m) == nil && m.Client == last.Client && m.Enabled == on && (m.Phase != nil && *m.Phase == talk.Listening) == on
		})
	}
	for _, c := range []*client.Client{talker, two} {
		if err := c.Call(t.Context(), "talk.mode", object{"enabled": true, "phase": "listening"}, &last); err != nil {
			t.Fatal(err)
		}
	}
	heard(true)
	if l.MustCall("talk.status", nil, &status); len(status.Talking) != 2 || *status.Talking[1].Phase != talk.Listening {
		t.Errorf("two talk: %+v", status)
	}
	two.Close()
	heard(false)
	if l.MustCall("talk.status", nil, &status); len(status.Talking) != 1 {
		t.Errorf("one has gone: %+v", status)
	}
}

// TestTalkWith: what there is to talk with, and that no credential is told.
func TestTalkWith(t *testing.T) {
	t.Parallel()
	mouth := &speaker{}
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.TTS("mouth", mouth.say), kerneltest.STT("ears", nil)))
	l := k.Listen()
	var catalog talk.CatalogResult
	l.MustCall("talk.catalog", nil, &catalog)
	if s := catalog.Speech; !s.Ready || s.ActiveProvider != "mouth" || len(s.Providers) != 1 || !slices.Equal(s.Providers[0].Voices, []string{"ann"}) || len(catalog.Transcription.Providers) != 1 || catalog.Realtime.Ready {
		t.Errorf("%+v", catalog)
	}
	var config talk.ConfigResult
	l.MustCall("talk.config", object{"includeSecrets": true}, &config)
	if c := config.Config; c.Talk == nil || c.Talk.Resolved.Provider != "mouth" || len(c.Talk.Resolved.Config) != 0 || c.Session.MainKey != "agent:main:main" {
		t.Errorf("%+v", config)
	}
	var said tts.SpeakResult
	l.MustCall("talk.speak", object{"text": "hello", "voiceId": "bob", "outputFormat": "opus_48000_64", "rateWpm": 350}, &said)
	if o := mouth.asked()[0]; said.AudioBase64 == "" || !said.VoiceCompatible || o.Format != "opus" || *o.Voice != "bob" || o.Speed != 200 {
		t.Errorf("asked for %+v: %+v", o, said)
	}
	for format, want := range map[string]string{"pcm_24000": "use mp3", "wav": "nobody speaks wav"} {
		if err := l.Call(t.Context(), "talk.speak", object{"text": "hello", "outputFormat": format}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", format, err)
		}
	}
	// Protocol 4 has a scope of its own for it.
	c, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: 4, Scopes: []wire.Scope{wire.ScopeTalk}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Call(t.Context(), "talk.mode", object{"enabled": true}, nil); err != nil {
		t.Error(err)
	}
}
