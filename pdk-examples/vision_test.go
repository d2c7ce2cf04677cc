package examples_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/pdk-examples/go-vision/toyeye"
)

// dot is a picture of one pixel, as PNG.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// TestVision: the model is shown the picture that somebody sends, byte for byte, and once more where the gateway was killed before
// it has answered.
func TestVision(t *testing.T) {
	t.Parallel()
	eye, state := toyeye.New(), t.TempDir()
	disk, ring := &mortal{Store: store.OpenMemory()}, kerneltest.Keyring{}
	config := kerneltest.Config(t, fmt.Sprintf(`{"agent":{"model":"go-vision/eye"},"plugins":{"go-vision":{"config":{"url":%q}}}}`, serve(t, eye)))
	drop(t, filepath.Join(state, "plugins", "go-vision"), "go-vision")
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		disk.kill(nil)
		k := kerneltest.Start(t, config, kerneltest.StateDir(state), kerneltest.Store(disk, ring), kerneltest.Compiled(t))
		return k, k.Listen()
	}
	eye.Hold(true)
	k, l := boot()
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": "r1", "attachments": []any{
		map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": dot},
	}}, nil)
	looked(t, eye, 1)
	disk.kill(func(string, bool) bool { return true })
	k.Stop()
	_, l = boot()
	looked(t, eye, 2)
	eye.Hold(false)
	if got := kerneltest.Text(l.End("r1").Message); got != "image/png with 70 bytes" {
		t.Errorf("the model says %q", got)
	}
	for _, pictures := range looked(t, eye, 2) {
		if len(pictures) != 1 || base64.StdEncoding.EncodeToString(pictures[0].Data) != dot {
			t.Errorf("it was shown %q", pictures)
		}
	}
}
