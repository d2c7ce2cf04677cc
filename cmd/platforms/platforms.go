// Package platforms knows the test server of each built-in channel, for commands that let a crowd write to a gateway.
package platforms

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
	"github.com/carapace-gateway/carapace/builtin-plugins/irc/irctest"
	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt/mqtttest"
	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud/nextcloudtest"
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/builtin-plugins/teams/teamstest"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/telegramtest"
	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
	"github.com/carapace-gateway/carapace/builtin-plugins/webchat/webchattest"
	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp/whatsapptest"
	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp/xmpptest"
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// begin starts a platform's test server with the trouble that a seed makes. aim gets a value, if there is room, for each send that
// goes well while there is trouble.
type begin func(seed uint64) (p channeltest.Platform, aim <-chan struct{}, err error)

// of is the beginning of a crowd that has dice.
func of[C interface {
	channeltest.Platform
	Aim() <-chan struct{}
}](crowd func(seed uint64) (C, error)) begin {
	return func(seed uint64) (channeltest.Platform, <-chan struct{}, error) {
		c, err := crowd(seed)
		if err != nil {
			return nil, nil, err
		}
		return c, c.Aim(), nil
	}
}

// channels are those that people can write to.
var channels = map[string]begin{
	"discord":    of(discordtest.NewCrowd),
	"feishu":     of(feishutest.NewCrowd),
	"googlechat": of(googlechattest.NewCrowd),
	"irc":        of(irctest.NewCrowd),
	"line":       of(linetest.NewCrowd),
	"mail": func(seed uint64) (channeltest.Platform, <-chan struct{}, error) {
		c, err := mailtest.NewCrowd(seed)
		return c, c.Aim, err
	},
	"matrix":     of(matrixtest.NewCrowd),
	"mattermost": of(mattermosttest.NewCrowd),
	"mqtt":       of(mqtttest.NewCrowd),
	"nextcloud":  of(nextcloudtest.NewCrowd),
	"ntfy":       of(ntfytest.NewCrowd),
	"signal":     of(signaltest.NewCrowd),
	"slack":      of(slacktest.NewCrowd),
	"teams":      of(teamstest.NewCrowd),
	"telegram":   of(telegramtest.NewCrowd),
	"twilio":     of(twiliotest.NewCrowd),
	"webchat":    of(webchattest.NewCrowd),
	"whatsapp":   of(whatsapptest.NewCrowd),
	"xmpp":       of(xmpptest.NewCrowd),
	"zulip":      of(zuliptest.NewCrowd),
}

// Channels names the channels that there are test servers for, sorted.
func Channels() []string { return slices.Sorted(maps.Keys(channels)) }

// Begin starts the test server of a channel, which the caller closes.
func Begin(channel string, seed uint64) (p channeltest.Platform, aim <-chan struct{}, err error) {
	begin, ok := channels[channel]
	if !ok {
		return nil, nil, fmt.Errorf("there is no test server for a channel %q: there are %v", channel, Channels())
	}
	return begin(seed)
}

// Setup returns the arguments of `carapace setup` by which an owner connects an account that everybody may write to, and what its
// environment needs for that.
func Setup(a channeltest.Account) (args, environment []string) {
	args = []string{"setup", a.Channel, "--dm", "open"}
	for field, value := range a.Config {
		if list, ok := value.([]string); ok {
			text, _ := json.Marshal(list) // of texts it does not fail
			value = string(text)
		}
		args = append(args, "--set", fmt.Sprintf("%s=%v", field, value))
	}
	for field, value := range a.Secrets {
		name := "CARAPACE_SETUP_" + field
		args = append(args, "--secret", field+"=env:"+name)
		environment = append(environment, name+"="+value)
	}
	return args, environment
}
