package kerneltest

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/plugin"
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
func Provider(id string, fn func(*wit.Chat) (*wit.ProviderAnswer, error)) plugin.Fake {
	return plugin.Fake{
		Manifest: manifest(id, wit.Provides{Provider: &wit.ProviderFacts{Label: id, DefaultModel: new("model"), Offline: true}}),
		Exports: Exports{
			"provider_request": Export(func(_ context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
				a, err := fn(c)
				return &wit.ProviderPlan{Answer: a}, err
			}),
			"provider_chunk": Export(func(context.Context, *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
				return nil, wit.NewError(wit.CodeInvalid, "there is no stream")
			}),
			"provider_models": Export(func(context.Context, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
				return &wit.ModelsAnswer{Models: []wit.Model{{ID: "model", Name: "Model", ContextWindow: 8000, Tools: true}}}, nil
			}),
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
func Echo(id string) plugin.Fake {
	return Provider(id, func(c *wit.Chat) (*wit.ProviderAnswer, error) {
		text := ""
		if n := len(c.Turns); n > 0 {
			for _, p := range c.Turns[n-1].Content {
				if p.Text != nil {
					text += *p.Text
				}
			}
		}
		return Says("you said: " + text), nil
	})
}

func manifest(id string, provides wit.Provides) wit.Manifest {
	return wit.Manifest{ID: id, Name: id, Version: "1.0.0", Description: "a fake of a test", ABI: 1, Entry: "plugin.wasm", Provides: provides}
}
