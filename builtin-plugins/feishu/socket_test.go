package feishu_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu"
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig/dial"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// connectedAccount is an account that opens a connection. Timers wait for the test.
func connectedAccount(t *testing.T, secret string) *account {
	t.Helper()
	s := feishutest.New(feishutest.Config{})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	host := &sdktest.Host{HTTP: s, KV: map[string]string{}, Credentials: map[string]string{"tenantToken": feishutest.Token, "appSecret": secret}}
	a := &account{rig.New(t, feishu.New(), host, fmt.Sprintf(`{"apiRoot":%q,"appId":%q,"mode":"connection"}`, root, feishutest.DefaultAppID)), s}
	a.Server, a.Dial, a.Holds = s, dial.Websocket, func(string) bool { return true }
	s.Meet(ada, "Ada")
	return a
}

// TestConnection: events come over a connection and are answered, whole or in two packets; another one is opened in place of one that
// has ended, or on which nothing comes, and nothing is lost or taken twice.
func TestConnection(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Health)
	a := connectedAccount(t, feishutest.DefaultAppSecret)
	a.Connected()
	a.server.Say(ada, "one")
	a.Until("one is taken", func() bool { return a.server.Pending() == 0 })
	a.server.Split(true)
	a.server.Say(ada, "é two")
	a.Until("two is taken", func() bool { return a.server.Pending() == 0 })
	a.server.Split(false)
	a.Fire("ping")
	a.Until("a ping", func() bool { return a.server.Pings() == 1 })
	a.server.Break()
	a.Says(wit.ConnectionStateDisconnected, "the connection to Feishu has ended")
	a.server.Say(ada, "three")
	a.Fire("open")
	a.Says(wit.ConnectionStateConnected, "")
	a.Until("three is taken", func() bool { return a.server.Pending() == 0 })
	var got []string
	for _, m := range a.Messages(3) {
		got = append(got, m.Text)
	}
	if !slices.Equal(got, []string{"one", "é two", "three"}) {
		t.Errorf("came %q", got)
	}
	if n := a.server.Opened(); n != 2 {
		t.Errorf("%d connections", n)
	}
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "log in again")
	a.Until("the connection has ended", func() bool { return a.server.Sockets() == 0 })
	a.Command("login")
	a.Says(wit.ConnectionStateConnected, "")
}

// TestASilentConnection is given up when nothing has come since the last ping.
func TestASilentConnection(t *testing.T) {
	a := connectedAccount(t, feishutest.DefaultAppSecret)
	a.Begin()
	silent := wit.JSON(fmt.Sprintf(`{"generation":1,"since":%d,"service":1,"silent":true}`, time.Now().UnixMilli()))
	event := &wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: new("ping"), Config: a.Config, State: silent, Now: time.Now().UnixMilli()}
	got, err := a.Plugin.Event(a.Host.SDK(), event)
	if err != nil || len(got.Close) != 1 || len(got.Frames) != 0 || got.Status == nil || got.Status.State != wit.ConnectionStateDisconnected {
		t.Errorf("%+v %v", got, err)
	}
}

// TestConnectionsAreRefused says what is wrong, and goes on when it is right again.
func TestConnectionsAreRefused(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	a := connectedAccount(t, "wrong")
	a.Start()
	a.Says(wit.ConnectionStateNeedsLogin, "id and secret")
	a.Host.Credentials["appSecret"] = feishutest.DefaultAppSecret
	a.server.Fail(feishutest.Fault{Call: "endpoint", Status: 200, Code: 1000040350})
	a.Fire("open")
	a.Says(wit.ConnectionStateDisconnected, "end other programs")
	a.server.Fail(feishutest.Fault{Call: "endpoint", Status: 200, Code: 1})
	a.Fire("open")
	a.Says(wit.ConnectionStateDisconnected, "injected")
	a.server.Fail(feishutest.Fault{Call: "endpoint", Body: `{"code":0,"data":{}}`})
	a.Fire("open")
	a.Says(wit.ConnectionStateDisconnected, "is apiRoot right?")
	a.Fire("open")
	a.Says(wit.ConnectionStateConnected, "")
}

// TestForeignFrames: what is no packet of Feishu's changes nothing.
func TestForeignFrames(t *testing.T) {
	for _, b := range []string{"", "x", "\x08", "\x2a\xff", "\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", strings.Repeat("\x08\x01", 99), "\x0f", "\x09\x01"} {
		event := &wit.ChannelEvent{Kind: wit.EventKindMessage, Config: wit.JSON(`{"mode":"connection"}`), Message: &wit.Frame{Connection: "events", Bytes: []byte(b)}}
		if got, err := feishu.New().Event((&sdktest.Host{}).SDK(), event); err != nil || len(got.Messages)+len(got.Frames) != 0 {
			t.Errorf("%q: %+v %v", b, got, err)
		}
	}
}

// TestStormOverAConnection: the connection ends now and then, and events come late and twice.
func TestStormOverAConnection(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades)
	storm.Run(t, storm.Crowd(t, feishutest.NewConnectedCrowd), "..", storm.Options{})
}

// TestUpgrade: the plugin is replaced while messages go through; the connection stays.
func TestUpgrade(t *testing.T) {
	channeltest.Proves(t, channeltest.Upgrades)
	c := storm.Crowd(t, feishutest.NewConnectedCrowd)
	storm.RunUpgrades(t, c, "..", 5, 40*time.Millisecond)
	if n := c.Opened(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}
