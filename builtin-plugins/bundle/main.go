// Command bundle holds all built-in plugins in one WebAssembly module. What an instance is, it is told
// at its start; each plugin still has a manifest, permissions and state of its own.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/calc"
	"github.com/carapace-gateway/carapace/builtin-plugins/eliza"
	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/builtin-plugins/redact"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	clock "github.com/carapace-gateway/carapace/builtin-plugins/time"
	"github.com/carapace-gateway/carapace/builtin-plugins/whisper"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/stt"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
)

func init() {
	channel.Register("telegram", telegram.New())
	provider.Register("eliza", eliza.New())
	provider.Register("openai", openai.New())
	hook.Register("redact", redact.New())
	tool.Register("calc", calc.New())
	tool.Register("time", clock.New())
	stt.Register("whisper", whisper.New())
}

func main() {}
