// Command popular is a bundle: one WebAssembly module with the built-in plugins that most gateways use. What an instance is, it is
// told at its start; each plugin still has a manifest, permissions and state of its own.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic"
	"github.com/carapace-gateway/carapace/builtin-plugins/calc"
	"github.com/carapace-gateway/carapace/builtin-plugins/discord"
	"github.com/carapace-gateway/carapace/builtin-plugins/eliza"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt"
	"github.com/carapace-gateway/carapace/builtin-plugins/ollama"
	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/builtin-plugins/redact"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	clock "github.com/carapace-gateway/carapace/builtin-plugins/time"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	_ "github.com/carapace-gateway/carapace/sdk/go/image"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
)

func init() {
	channel.Register("discord", discord.New())
	channel.Register("telegram", telegram.New())
	provider.Register("anthropic", anthropic.New())
	provider.Register("eliza", eliza.New())
	provider.Register("gemini", gemini.New())
	provider.Register("ollama", ollama.New())
	provider.Register("openai", openai.New())
	hook.Register("redact", redact.New())
	tool.Register("calc", calc.New())
	tool.Register("time", clock.New())
	tts.Register("klatt", klatt.New())
	tts.Register("openai", openai.New())
}

func main() {}
