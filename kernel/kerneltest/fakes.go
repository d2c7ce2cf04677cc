package kerneltest

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Export makes a typed Go function an export of a fake.
func Export[I, O any, PI interface {
	*I
	codec.Receiver
}, PO interface {
	*O
	codec.Appender
}](fn func(context.Context, *I) (*O, error)) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, in []byte) ([]byte, error) {
		arg := new(I)
		if err := wit.Unmarshal(in, PI(arg)); err != nil {
			return nil, err
		}
		out, err := fn(ctx, arg)
		if err != nil {
			return nil, err
		}
		return wit.Marshal(PO(out)), nil
	}
}

// Exports are a fake's functions by name.
type Exports = map[string]func(context.Context, []byte) ([]byte, error)

// Provider is a provider that needs no network and answers by fn.
func Provider(id string, fn func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error)) plugintest.Fake {
	return plugintest.Fake{
		Manifest: manifest(id, wit.Provides{Provider: &wit.ProviderFacts{Label: id, DefaultModel: new("model"), Offline: true}}),
		Exports: Exports{
			"provider_request": Export(func(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
				a, err := fn(ctx, c)
				return &wit.ProviderPlan{Answer: a}, err
			}),
			"provider_chunk": Export(func(context.Context, *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
				return nil, wit.NewError(wit.CodeInvalid, "there is no stream")
			}),
			"provider_models": Export(oneModel),
		},
	}
}

// Says is an answer of one text.
func Says(text string) *wit.ProviderAnswer {
	return &wit.ProviderAnswer{
		Deltas: []wit.Delta{{Kind: wit.DeltaKindText, Text: text}}, Stop: new(wit.StopReasonEnd), Usage: &wit.Usage{Input: 1, Output: 1},
	}
}

// Echo is a provider that says what was said to it last.
func Echo(id string) plugintest.Fake {
	return Provider(id, func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		return Says("you said: " + Heard(c)), nil
	})
}

// Heard is the text of a chat's last turn.
func Heard(c *wit.Chat) string {
	text := ""
	if n := len(c.Turns); n > 0 {
		for _, p := range c.Turns[n-1].Content {
			if p.Text != nil {
				text += *p.Text
			}
		}
	}
	return text
}

// Streamer is a provider that posts what it heard to the url of its configuration, with its credential
// key, and says the events that come back, until one says [DONE].
func Streamer(id string) plugintest.Fake {
	m := manifest(id, wit.Provides{Provider: &wit.ProviderFacts{Label: id, DefaultModel: new("model")}})
	m.Config = wit.JSON(`{"type":"object","additionalProperties":false,"properties":{"url":{"type":"string"},"key":{"type":"string","x-secret":true}}}`)
	m.Permissions.HTTP = &wit.HTTPPermission{Reason: "to ask", Hosts: []string{"config:url"}}
	m.Permissions.Credential = &wit.CredentialPermission{Reason: "to ask", Names: []string{"key"}}
	return plugintest.Fake{Manifest: m, Exports: Exports{
		"provider_request": Export(func(_ context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
			var config struct{ URL string }
			if err := json.Unmarshal(c.Config, &config); err != nil {
				return nil, wit.Errorf(wit.CodeInvalid, "config: %w", err)
			}
			return &wit.ProviderPlan{Framing: wit.FramingSSE, Request: &wit.HTTPRequest{Method: "POST", URL: config.URL, Text: new(Heard(c)),
				Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:key}}"}}}}, nil
		}),
		"provider_chunk":  Export(streamed),
		"provider_models": Export(oneModel),
	}}
}

func streamed(_ context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	a := &wit.ProviderAnswer{}
	for _, e := range c.Events {
		switch {
		case e.Error != nil:
			return nil, e.Error
		case e.Kind == wit.StreamEventKindHead && e.Status != 200:
			a.Error = &wit.Error{Code: wit.CodeInvalid, Message: "the model refused"}
		case e.Kind == wit.StreamEventKindData && e.Data == "[DONE]":
			a.Stop, a.Usage = new(wit.StopReasonEnd), &wit.Usage{Input: 1, Output: 1}
		case e.Kind == wit.StreamEventKindData:
			a.Deltas = append(a.Deltas, wit.Delta{Kind: wit.DeltaKindText, Text: e.Data})
		}
	}
	return a, nil
}

func oneModel(context.Context, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	return &wit.ModelsAnswer{Models: []wit.Model{{ID: "model", Name: "Model", ContextWindow: 8000, Tools: true}}}, nil
}

// Tool is a tool that is a Go function.
func Tool(name string, fn func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error)) plugintest.Fake {
	m := manifest(name, wit.Provides{Tools: []wit.ToolDefinition{{
		Name: name, Description: "a tool of a test", Parameters: wit.JSON(`{"type":"object"}`), Effects: []wit.Effect{wit.EffectReads},
	}}})
	return plugintest.Fake{Manifest: m, Exports: Exports{"tool_invoke": Export(fn)}}
}

// STT is a transcriber that needs nothing and is a Go function.
func STT(id string, fn func(context.Context, *wit.Recording) (*wit.Transcript, error)) plugintest.Fake {
	m := manifest(id, wit.Provides{STT: &wit.STTFacts{Label: id, Ready: true}})
	return plugintest.Fake{Manifest: m, Exports: Exports{"stt_transcribe": Export(fn)}}
}

// TTS is a speaker that needs nothing and is a Go function. It has a voice, ann, and lists another one.
func TTS(id string, fn func(context.Context, *wit.SpeechOrder) (*wit.Speech, error)) plugintest.Fake {
	m := manifest(id, wit.Provides{TTS: &wit.TTSFacts{Label: id, Ready: true, Formats: []wit.SoundFormat{wit.SoundFormatMp3, wit.SoundFormatOpus},
		Voices: []wit.Voice{{ID: "ann", Name: "Ann"}}}})
	return plugintest.Fake{Manifest: m, Exports: Exports{
		"tts_synthesize": Export(fn),
		"tts_voices": Export(func(context.Context, *wit.VoicesQuery) (*wit.VoicesAnswer, error) {
			return &wit.VoicesAnswer{Voices: []wit.Voice{{ID: "ann", Name: "Ann"}, {ID: "bob", Name: "Bob"}}}, nil
		}),
	}}
}

// Hook is a hook that is a Go function.
func Hook(id string, name wit.HookName, fn func(context.Context, *wit.HookEvent) (*wit.HookDecision, error)) plugintest.Fake {
	m := manifest(id, wit.Provides{Hooks: []wit.HookFacts{{Name: name}}})
	return plugintest.Fake{Manifest: m, Exports: Exports{"hook_handle": Export(fn)}}
}

func manifest(id string, provides wit.Provides) wit.Manifest {
	return wit.Manifest{ID: id, Name: id, Version: "1.0.0", Description: "a fake of a test", ABI: 1, Entry: "plugin.wasm", Provides: provides}
}
