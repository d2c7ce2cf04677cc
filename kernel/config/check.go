package config

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

var (
	ownerID   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}:[^@*\s][^\s]{0,255}$`)
	accountID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
)

// check names the first value that cannot be.
func (c *Config) check() error {
	if c.Gateway.Port < -1 || c.Gateway.Port > 65535 {
		return wit.Errorf(wit.CodeInvalid, "gateway.port %d is not a port", c.Gateway.Port)
	}
	if _, err := BindAddress(c.Gateway.Bind); err != nil {
		return err
	}
	if c.Gateway.Token != "" && c.Gateway.Password != "" {
		return wit.NewError(wit.CodeInvalid, "gateway.token and gateway.password: give one of them")
	}
	if c.TimeZone != "" {
		if _, err := time.LoadLocation(c.TimeZone); err != nil {
			return wit.Errorf(wit.CodeInvalid, "timeZone %q is not an IANA time zone such as Europe/Berlin", c.TimeZone)
		}
	}
	for _, origin := range c.Gateway.AllowedOrigins {
		if u, err := url.Parse(origin); err != nil || u.Host == "" {
			return wit.Errorf(wit.CodeInvalid, "gateway.allowedOrigins: %q is not an origin such as https://chat.example.org", origin)
		}
	}
	for _, host := range c.Gateway.Hosts {
		if !hostName.MatchString(host) {
			return wit.Errorf(wit.CodeInvalid, "gateway.hosts: %q is not a host name such as chat.example.org", host)
		}
	}
	for _, owner := range c.Owners {
		if !ownerID.MatchString(owner) {
			return wit.Errorf(wit.CodeInvalid, "owners: %q is not a person such as telegram:12345: the channel and the id that the platform gives, not a name, which somebody else may take", owner)
		}
	}
	for _, e := range []struct{ field, value, allowed string }{
		{"session.dmScope", c.Session.DMScope, "main per-peer per-channel-peer"},
		{"delivery.afterCrash", c.Delivery.AfterCrash, "resend hold"},
		{"log.level", c.Log.Level, "trace debug info warn error"},
		{"log.format", c.Log.Format, "text json"},
	} {
		if err := oneOf(e.field, e.value, e.allowed); err != nil {
			return err
		}
	}
	if c.Agent.Model != "" && !strings.Contains(c.Agent.Model, "/") {
		return wit.Errorf(wit.CodeInvalid, "agent.model %q must be provider/model", c.Agent.Model)
	}
	return c.checkAccounts()
}

func (c *Config) checkAccounts() error {
	for channel, section := range c.Channels {
		for id, a := range section.Accounts {
			where := "channels." + channel + ".accounts." + id
			if !accountID.MatchString(id) {
				return wit.Errorf(wit.CodeInvalid, "%s: an account's name is lower-case letters, digits, - and _", where)
			}
			if err := a.Check(where); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check reports the first value of the account that cannot be; where names it.
func (a Account) Check(where string) error {
	if err := oneOf(where+".dmPolicy", a.DMPolicy, "pairing allowlist open disabled"); err != nil {
		return err
	}
	return oneOf(where+".groupPolicy", a.GroupPolicy, "allowlist open disabled")
}

func oneOf(field, value, allowed string) error {
	if value == "" || slices.Contains(strings.Fields(allowed), value) {
		return nil
	}
	return wit.Errorf(wit.CodeInvalid, "%s is %q and must be one of %s", field, value, strings.ReplaceAll(allowed, " ", ", "))
}

// BindAddress turns gateway.bind into an address to listen on.
func BindAddress(bind string) (string, error) {
	switch bind {
	case "", "loopback", "localhost":
		return "127.0.0.1", nil
	case "all", "lan":
		return "0.0.0.0", nil
	}
	if net.ParseIP(bind) == nil {
		return "", wit.Errorf(wit.CodeInvalid, "gateway.bind %q must be loopback, all, or an IP address", bind)
	}
	return bind, nil
}

// Redacted is the config without what must not be shown.
func (c *Config) Redacted() *Config {
	shown := *c
	if shown.Gateway.Token != "" {
		shown.Gateway.Token = redacted
	}
	if shown.Gateway.Password != "" {
		shown.Gateway.Password = redacted
	}
	return &shown
}

const redacted = "[redacted]"
