package telegram_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// gateway is as much of a kernel as it takes to run one account.
type gateway struct {
	*rig.Rig
	t      *testing.T
	server *botapitest.Server
}

func newGateway(t *testing.T, s *botapitest.Server, config string) *gateway {
	t.Helper()
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	host := &sdktest.Host{
		HTTP: s, Credentials: map[string]string{"botToken": s.Token(), "webhookSecret": "hook-secret"}, KV: map[string]string{},
		Files: map[string][]byte{}, Media: map[string]wit.MediaInfo{},
	}
	g := &gateway{Rig: rig.New(t, telegram.New(), host, strings.ReplaceAll(config, "ROOT", root)), t: t, server: s}
	g.Server = s
	return g
}
