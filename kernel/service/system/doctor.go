package system

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// DoctorResult is what the doctor found; OK when every check is.
type DoctorResult struct {
	OK     bool            `json:"ok"`
	Checks []service.Check `json:"checks"`
}

// doctor looks for what is wrong.
type doctor struct {
	version    string
	url        func() string
	checkStore func(context.Context) error
	settings   *config.Settings
	plugins    Plugins
	memory     func() PluginMemory
	services   func() []service.Service
}

// examine looks at what the services stand on, and asks them what is wrong with them.
func (d *doctor) examine(ctx context.Context, _ rpc.None) (DoctorResult, error) {
	r := DoctorResult{Checks: []service.Check{
		{Name: "gateway", OK: true, Message: "carapace " + d.version + " at " + d.url()},
		d.checkDatabase(ctx), d.checkSettings(),
	}}
	r.Checks = append(r.Checks, d.checkPlugins()...)
	r.Checks = append(r.Checks, d.checkMemory(), d.checkAccess())
	for _, other := range d.services() {
		for _, check := range other.Checks {
			r.Checks = append(r.Checks, check(ctx))
		}
	}
	r.Checks = append(r.Checks, d.checkQueues(ctx))
	r.OK = !slices.ContainsFunc(r.Checks, func(c service.Check) bool { return !c.OK })
	return r, nil
}

func (d *doctor) checkDatabase(ctx context.Context) service.Check {
	if err := d.checkStore(ctx); err != nil {
		return service.Check{Name: "database", Message: err.Error(), Hint: "stop the gateway, keep a copy of the state directory, and bring a backup back with `carapace restore`"}
	}
	return service.Check{Name: "database", OK: true, Message: "every page and every record is sound"}
}

func (d *doctor) checkSettings() service.Check {
	problems := unusable(d.plugins, d.settings.Config())
	if _, problem := d.settings.Problem(); problem != nil {
		problems = append([]string{problem.Error()}, problems...)
	}
	if len(problems) > 0 {
		return service.Check{Name: "settings", Message: strings.Join(problems, "; "), Hint: "mend " + d.settings.Path() + " with `carapace config edit`; the settings before the mistake are in force"}
	}
	return service.Check{Name: "settings", OK: true, Message: "every plugin's section fits its schema"}
}

// checkAccess says what of the owner's others may read or steer.
func (d *doctor) checkAccess() service.Check {
	c := service.Check{Name: "access", OK: true, Message: "the owner has the main session, everybody else one of their own"}
	now := d.settings.Config()
	if list := risks(now); len(list) > 0 {
		c.Warning, c.Message = true, strings.Join(list, "; ")
		c.Hint = "`carapace setup CHANNEL --dm pairing` lets only those write whom you approve"
		if now.Session.DMScope == "main" {
			c.Hint = "`carapace config unset session.dmScope` gives everybody a session of their own; " + c.Hint
		}
		return c
	}
	if len(now.Channels) > 0 && len(now.Owners) == 0 {
		c.Warning, c.Message = true, "no owner is named: nobody may give commands in a chat, and your own chats are not the main session"
		c.Hint = "`carapace pairing owner CHANNEL ID` names you; /whoami in a chat shows both"
	}
	return c
}

// checkQueues says how much waits.
func (d *doctor) checkQueues(ctx context.Context) service.Check {
	q, err := queues(ctx, d.services())
	if err != nil {
		return service.Check{Name: "queues", Message: err.Error()}
	}
	return service.Check{Name: "queues", OK: true, Message: service.Count(q.Runs, "run") + " and " + service.Count(q.Outbound, "message") + " waiting"}
}

// risks names what the settings let others read or do, for people.
func risks(c *config.Config) []string {
	list := []string{}
	if c.Session.DMScope == "main" {
		list = append(list, "session.dmScope is main: whoever may write to a channel reads and goes on with the owner's conversation")
	}
	for channel, section := range c.Channels {
		for id, a := range section.Accounts {
			if a.DMPolicy == "open" || slices.Contains(a.AllowFrom, "*") {
				list = append(list, channel+"/"+id+": everybody may write and have the model answer")
			}
		}
	}
	slices.Sort(list)
	return list
}

// unusable says what is wrong with the plugins' sections of the config file. A section that cannot
// be used fails its plugin's calls, never the gateway.
func unusable(plugins Plugins, c *config.Config) []string {
	problems := []string{}
	check := func(id, account string, section wit.JSON) {
		if len(section) == 0 {
			return
		}
		if err := plugins.CheckConfig(id, account, section); err != nil {
			problems = append(problems, err.Error())
		}
	}
	for id, p := range c.Plugins {
		check(id, "", p.Config)
	}
	for id, channel := range c.Channels {
		for account, a := range channel.Accounts {
			check(id, account, a.Config)
		}
	}
	slices.Sort(problems)
	return problems
}
