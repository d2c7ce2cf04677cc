package kernel_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPictureIsSeen: what a client attaches reaches the model by reference, and the history keeps it.
func TestAPictureIsSeen(t *testing.T) {
	t.Parallel()
	var seen []wit.Part
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Plugin(kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		seen = c.Turns[len(c.Turns)-1].Content
		return kerneltest.Says("a dot"), nil
	})))
	l := k.Listen()
	const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
	send := func(run, mime, content string) error {
		return l.Call(t.Context(), "chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": run,
			"attachments": []any{map[string]any{"type": "image", "mimeType": mime, "fileName": "dot.png", "content": content}}}, nil)
	}
	for name, bad := range map[string][2]string{"no base64": {"image/png", "§§§"}, "nothing": {"image/png", ""}} {
		if err := send(name, bad[0], bad[1]); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := send("r", "image/png", dot); err != nil {
		t.Fatal(err)
	}
	if got := kerneltest.Text(l.End("r").Message); got != "a dot" {
		t.Errorf("%q", got)
	}
	pictures := 0
	for _, part := range seen {
		if part.Kind == wit.PartKindImage && part.Media != nil && *part.Media != "" {
			pictures++
		}
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	if b, err := json.Marshal(history); err != nil || pictures != 1 || !strings.Contains(string(b), `"image"`) {
		t.Errorf("the model saw %s; history %s %v", wit.Marshal(&wit.ChatTurn{Content: seen}), b, err)
	}
}
