package kernel

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/talk"
	"github.com/carapace-gateway/carapace/wit"
)

// transcribers is agent's and system's view of the plugins that transcribe, and of what the owner has said of them.
type transcribers struct {
	registry *plugin.Registry
	settings *config.Settings
	vault    *secret.Vault
	media    *media.Store
	keys     byKey
}

func (w *wiring) transcribers() transcribers {
	return transcribers{w.platform.plugins, w.settings, w.state.vault, w.state.media, w.byKey}
}

// Transcribers implements agent.Transcribers.
func (t transcribers) Transcribers() []agent.TranscriberInfo {
	var list []agent.TranscriberInfo
	for _, p := range t.registry.Transcribers() {
		list = append(list, agent.TranscriberInfo{
			ID: p.ID(), Facts: *p.Facts(), Settings: t.settings.PluginConfig(p.ID()), Credentials: t.vault.Count(p.ID()),
		})
	}
	return list
}

// listeners is talk's view of who transcribes: whom the owner has named, then the others.
func (w *wiring) listeners() []talk.Listener {
	var list []talk.Listener
	named := w.settings.Config().Agent.Transcriber
	for _, t := range w.transcribers().Transcribers() {
		l := talk.Listener{ID: t.ID, Label: t.Facts.Label, Configured: t.Facts.Ready || t.Credentials > 0 || len(t.Settings) > len("{}")}
		if t.ID == named {
			list = append([]talk.Listener{l}, list...)
		} else {
			list = append(list, l)
		}
	}
	return list
}

// Transcribe implements agent.Transcribers.
func (t transcribers) Transcribe(ctx context.Context, id string, r *wit.Recording) (*wit.Transcript, error) {
	p, err := t.registry.Transcriber(id)
	if err != nil {
		return nil, err
	}
	var words *wit.Transcript
	err = t.keys(ctx, id, "transcription", func(key string) error {
		words, err = p.As(key).Transcribe(ctx, r)
		return err
	})
	return words, err
}

// Try implements system.Transcribers.
func (t transcribers) Try(ctx context.Context, id string) error {
	const mime, name = "audio/wav", "silence.wav"
	data := silence()
	file, err := t.media.Put(ctx, mime, name, data)
	if err != nil {
		return err
	}
	_, err = t.Transcribe(ctx, id, &wit.Recording{Media: file, Mime: mime, Name: new(name), Size: int64(len(data))})
	return err
}

// silence is one second of it, which is what servers take at least, as a WAVE file: the header of RIFF, then samples of 16
// bits at 8 kHz.
func silence() []byte {
	const rate, bits = 8000, 16
	const size = rate * bits / 8
	number := binary.LittleEndian
	format := slices.Concat([]byte("fmt "), number.AppendUint32(nil, 16), number.AppendUint16(nil, 1), number.AppendUint16(nil, 1),
		number.AppendUint32(nil, rate), number.AppendUint32(nil, size), number.AppendUint16(nil, bits/8), number.AppendUint16(nil, bits))
	samples := slices.Concat([]byte("data"), number.AppendUint32(nil, size), make([]byte, size))
	return slices.Concat([]byte("RIFF"), number.AppendUint32(nil, uint32(len("WAVE")+len(format)+len(samples))), []byte("WAVE"), format, samples)
}
