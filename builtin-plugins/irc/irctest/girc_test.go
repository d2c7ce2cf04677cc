package irctest_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/lrstanley/girc"

	"github.com/carapace-gateway/carapace/builtin-plugins/irc/irctest"
)

// patience only bounds a test that fails.
const patience = time.Minute

// TestClientLibrary: a library that people write bots with takes the server for one of IRC's: it logs in, joins, speaks, hears.
func TestClientLibrary(t *testing.T) {
	s, err := irctest.Listen(irctest.Config{Accounts: map[string]string{"lib": "pw"}, Password: "of-the-server"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	host, port, _ := net.SplitHostPort(s.Addr())
	number, _ := strconv.Atoi(port)
	c := girc.New(girc.Config{
		Server: host, Port: number, Nick: "lib", User: "lib", Name: "A library", ServerPass: "of-the-server", AllowFlood: true,
		SASL:          &girc.SASLPlain{User: "lib", Pass: "pw"},
		SupportedCaps: map[string][]string{"echo-message": nil, "batch": nil},
	})
	heard := make(chan girc.Event, 16)
	c.Handlers.Add(girc.CONNECTED, func(c *girc.Client, _ girc.Event) { c.Cmd.JoinKey("#home", "sesame") })
	c.Handlers.Add(girc.PRIVMSG, func(_ *girc.Client, e girc.Event) { heard <- e })
	s.Rules("#home", "sesame", false, false, false)
	done := make(chan error, 1)
	go func() { done <- c.Connect() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return s.In("#home", "lib") }); err != nil || s.Logins() != 1 {
		t.Fatalf("it is not in its room: %v, %d logins", err, s.Logins())
	}
	s.Person("ann", "ann")
	id := s.Say("ann", "#home", "hello lib")
	select {
	case e := <-heard:
		account, _ := e.Tags.Get("account")
		msgid, _ := e.Tags.Get("msgid")
		if e.Source.Name != "ann" || e.Last() != "hello lib" || account != "ann" || msgid != id || e.Timestamp.IsZero() {
			t.Errorf("it hears %s", e.String())
		}
	case <-ctx.Done():
		t.Fatal("it hears nothing")
	}
	c.Cmd.Message("#home", "hello ann")
	said := func() bool {
		return slices.ContainsFunc(s.Said("lib"), func(m irctest.Message) bool { return m.To == "#home" && m.Text == "hello ann" })
	}
	if err := s.Wait(ctx, said); err != nil {
		t.Errorf("it says nothing: %v", err)
	}
	s.Kick("#home", "lib", "ann", "enough")
	c.Cmd.Nick("lib2")
	if err := s.Wait(ctx, func() bool { return s.Here("lib2") && !s.In("#home", "lib2") && !s.In("#home", "lib") }); err != nil {
		t.Errorf("its new nick: %v, %q", err, s.Nicks())
	}
	c.Quit("bye")
	if err := s.Wait(ctx, func() bool { return len(s.Nicks()) == 0 }); err != nil {
		t.Errorf("it stays: %v", err)
	}
	<-done
}

// TestRefusals: what a server refuses, the library is told by the numerics that it knows.
func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		config irctest.Config
		wrong  func(*girc.Config)
		want   string
	}{
		"the server's password": {irctest.Config{Password: "x"}, func(*girc.Config) {}, girc.ERR_PASSWDMISMATCH},
		"the account's":         {irctest.Config{Accounts: map[string]string{"lib": "pw"}}, func(c *girc.Config) { c.SASL = &girc.SASLPlain{User: "lib", Pass: "no"} }, girc.ERR_SASLFAIL},
		"a nick":                {irctest.Config{}, func(c *girc.Config) { c.Nick = "ann" }, girc.ERR_NICKNAMEINUSE},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := irctest.Listen(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.Person("ann", "")
			host, port, _ := net.SplitHostPort(s.Addr())
			number, _ := strconv.Atoi(port)
			config := girc.Config{Server: host, Port: number, Nick: "lib", User: "lib", AllowFlood: true}
			tt.wrong(&config)
			c := girc.New(config)
			told := make(chan struct{}, 16)
			c.Handlers.Add(tt.want, func(*girc.Client, girc.Event) { told <- struct{}{} })
			go func() { _ = c.Connect() }()
			defer c.Close()
			select {
			case <-told:
			case <-time.After(patience):
				t.Errorf("it is not told %s", tt.want)
			}
		})
	}
}
