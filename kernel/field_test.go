package kernel_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
)

// stage is where cases from the field are run: on the built-in plugins as WebAssembly.
var stage = fieldtest.Stage{Folder: "../builtin-plugins", Provider: "openai"}

// TestCompletionsFromTheField: what servers of chat completions were seen to send, and to refuse.
func TestCompletionsFromTheField(t *testing.T) {
	t.Parallel()
	fieldtest.Run(t, stage, "openai", map[string]fieldtest.Kind{"conversation": fieldtest.Conversation})
}

// TestTelegramFromTheField: what Telegram was seen to send, and to refuse.
func TestTelegramFromTheField(t *testing.T) {
	t.Parallel()
	fieldtest.Run(t, stage, "telegram", map[string]fieldtest.Kind{"telegram": telegramKind})
}
