// Command more is a bundle: one WebAssembly module with the built-in plugins that fewer gateways use, as bundle popular.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/azure"
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock"
	"github.com/carapace-gateway/carapace/builtin-plugins/elevenlabs"
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu"
	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat"
	"github.com/carapace-gateway/carapace/builtin-plugins/irc"
	"github.com/carapace-gateway/carapace/builtin-plugins/line"
	"github.com/carapace-gateway/carapace/builtin-plugins/mail"
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix"
	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost"
	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt"
	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud"
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack"
	"github.com/carapace-gateway/carapace/builtin-plugins/teams"
	"github.com/carapace-gateway/carapace/builtin-plugins/twilio"
	"github.com/carapace-gateway/carapace/builtin-plugins/webchat"
	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp"
	"github.com/carapace-gateway/carapace/builtin-plugins/whisper"
	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp"
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	_ "github.com/carapace-gateway/carapace/sdk/go/image"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/stt"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
)

func init() {
	channel.Register("feishu", feishu.New())
	channel.Register("googlechat", googlechat.New())
	channel.Register("irc", irc.New())
	channel.Register("line", line.New())
	channel.Register("mail", mail.New())
	channel.Register("matrix", matrix.New())
	channel.Register("mattermost", mattermost.New())
	channel.Register("mqtt", mqtt.New())
	channel.Register("nextcloud", nextcloud.New())
	channel.Register("ntfy", ntfy.New())
	channel.Register("signal", signal.New())
	channel.Register("slack", slack.New())
	channel.Register("teams", teams.New())
	channel.Register("twilio", twilio.New())
	channel.Register("webchat", webchat.New())
	channel.Register("whatsapp", whatsapp.New())
	channel.Register("xmpp", xmpp.New())
	channel.Register("zulip", zulip.New())
	provider.Register("bedrock", bedrock.New())
	stt.Register("whisper", whisper.New())
	tts.Register("azure", azure.New())
	tts.Register("elevenlabs", elevenlabs.New())
}

func main() {}
