package mqtttest_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	five "github.com/eclipse/paho.golang/paho"
	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt/mqtttest"
)

// patience only bounds a test that fails.
const patience = time.Minute

func listen(t *testing.T) *mqtttest.Server {
	t.Helper()
	s, err := mqtttest.Listen(mqtttest.Config{Users: map[string]string{"lib": "pw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func until(t *testing.T, s *mqtttest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("waited in vain until %s", what)
	}
}

// TestClientLibraryOld: the library that people write clients of version 3.1.1 with takes the server for one: it logs in, reads what was
// kept and what is said, publishes, comes back to its session, and has a will.
func TestClientLibraryOld(t *testing.T) {
	s := listen(t)
	s.Tell(mqtttest.Message{Topic: "home/kept", Payload: []byte("old news"), Retain: true})
	heard := make(chan paho.Message, 16)
	o := paho.NewClientOptions().AddBroker(s.URL()).SetClientID("lib").SetUsername("lib").SetPassword("pw").SetCleanSession(false).
		SetWill("home/lib", "gone", 1, true).SetMaxReconnectInterval(10 * time.Millisecond)
	o.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { heard <- m })
	c := paho.NewClient(o)
	defer c.Disconnect(0)
	for _, do := range []func() paho.Token{c.Connect, func() paho.Token { return c.Subscribe("home/#", 1, nil) }, func() paho.Token { return c.Publish("out/lib", 1, false, "hello") }} {
		if token := do(); !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	if got := s.Texts("out/+"); !slices.Equal(got, []string{"hello"}) || s.Version("lib") != 4 {
		t.Errorf("it has published %q", got)
	}
	if m := <-heard; string(m.Payload()) != "old news" || !m.Retained() {
		t.Errorf("it hears %q", m.Payload())
	}
	until(t, s, "all is acknowledged", func() bool { return s.Waiting("lib") == 0 })
	s.Unheard(1)
	s.Publish("home/a", "one")
	if m := <-heard; string(m.Payload()) != "one" || m.Duplicate() {
		t.Errorf("it hears %q", m.Payload())
	}
	m := <-heard // the will, or what was not acknowledged
	if string(m.Payload()) == "gone" {
		m = <-heard
	}
	if string(m.Payload()) != "one" || !m.Duplicate() {
		t.Errorf("it hears %q again", m.Payload())
	}
	if s.Kept("home/lib") != "gone" {
		t.Error("its will was not published")
	}
}

// TestClientLibrary: so does the one for version 5.
func TestClientLibrary(t *testing.T) {
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("quality of service ", qos), func(t *testing.T) { withLibrary(t, qos) })
	}
}

func withLibrary(t *testing.T, qos byte) {
	s := listen(t)
	address, _ := url.Parse("mqtt://" + s.Addr())
	heard := make(chan *five.Publish, 16)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls: []*url.URL{address}, KeepAlive: 20, CleanStartOnInitialConnection: true, SessionExpiryInterval: 60,
		ConnectUsername: "lib", ConnectPassword: []byte("pw"), ReconnectBackoff: func(int) time.Duration { return 0 },
		ClientConfig: five.ClientConfig{ClientID: "lib", OnPublishReceived: []func(five.PublishReceived) (bool, error){
			func(p five.PublishReceived) (bool, error) { heard <- p.Packet; return true, nil },
		}},
		AttemptConnection: func(ctx context.Context, _ autopaho.ClientConfig, _ *url.URL) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Disconnect(ctx) }()
	if err := c.AwaitConnection(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Subscribe(ctx, &five.Subscribe{Subscriptions: []five.SubscribeOptions{{Topic: "home/#", QoS: qos, NoLocal: true}}}); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"out/lib", "home/own"} {
		if answer, err := c.Publish(ctx, &five.Publish{Topic: topic, QoS: qos, Payload: []byte("hello"), Properties: &five.PublishProperties{ContentType: "text/plain"}}); err != nil || answer.ReasonCode != 0 {
			t.Fatal(answer, err)
		}
	}
	if got := s.Published("out/lib"); len(got) != 1 || got[0].Type != "text/plain" || got[0].QoS != qos || s.Version("lib") != 5 {
		t.Errorf("it has published %+v", got)
	}
	s.Break()
	s.Publish("home/a", "one")
	if p := <-heard; string(p.Payload) != "one" || p.Topic != "home/a" {
		t.Errorf("it hears %s", p)
	}
	until(t, s, "all is acknowledged", func() bool { return s.Waiting("lib") == 0 })
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/+", "a/b", true}, {"a/+", "a/b/c", false}, {"a/#", "a/b/c", true}, {"a/#", "a", true}, {"#", "a/b", true},
		{"+/+", "/b", true}, {"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"a", "a/b", false}, {"a/b", "a", false},
	} {
		if got := mqtttest.Matches(c.filter, c.topic); got != c.want {
			t.Errorf("%s of %s: %t", c.filter, c.topic, got)
		}
	}
}
