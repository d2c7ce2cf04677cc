package system

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/typo"
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
	c := service.Check{Name: "settings", Hint: "mend " + d.settings.Path() + " with `carapace config edit`; "}
	odd := strangers(d.plugins, d.settings.Config(), false)
	wrong := append(faultsOf(d.settings), unusable(d.plugins, d.settings.Config())...)
	if _, problem := d.settings.Problem(); problem != nil {
		wrong = append([]ConfigIssue{issueOf(problem)}, wrong...)
		c.Hint += "the settings before the mistake are in force"
	} else {
		c.Hint += "all else in it is in force, and what is mended runs at once"
	}
	var texts []string
	for _, w := range slices.Concat(wrong, odd) {
		texts = append(texts, w.Message)
	}
	if c.Message = strings.Join(texts, "; "); len(texts) > 0 {
		c.OK, c.Warning = len(wrong) == 0, len(wrong) == 0
		return c
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

// wrongIn is all that is wrong with sections of plugins, channels and accounts in settings that are in force.
func wrongIn(plugins Plugins, settings *config.Settings) []ConfigIssue {
	now := settings.Config()
	return append(append(faultsOf(settings), unusable(plugins, now)...), strangers(plugins, now, false)...)
}

// unusable says what is wrong with the config of plugins and accounts in the settings: what only a plugin's manifest knows. A
// plugin or an account whose config cannot be used does not run.
func unusable(plugins Plugins, c *config.Config) []ConfigIssue {
	problems := []ConfigIssue{}
	check := func(id, account string, section wit.JSON, path ...string) {
		err := plugins.CheckConfig(id, account, section)
		if err != nil && wit.CodeOf(err) != wit.CodeNotFound { // see strangers
			problems = append(problems, ConfigIssue{strings.Join(path, "."), err.Error()})
		}
	}
	for id, p := range c.Plugins {
		if len(p.Config) > 0 {
			check(id, "", p.Config, "plugins", id, "config")
		}
	}
	for id, channel := range c.Channels {
		for account, a := range channel.Accounts {
			if len(a.Config) > 0 || a.Enabled == nil || *a.Enabled {
				check(id, account, a.Config, "channels", id, "accounts", account, "config")
			}
		}
	}
	slices.SortFunc(problems, func(a, b ConfigIssue) int { return strings.Compare(a.Path, b.Path) })
	return problems
}

// strangers are the sections of plugins that there are not: they mean nothing. With a config, they are those alone that have one.
func strangers(plugins Plugins, c *config.Config, configured bool) []ConfigIssue {
	known, list := []string{}, []ConfigIssue{}
	for _, p := range plugins.List() {
		known = append(known, p.ID)
	}
	look := func(section, id string, has bool) {
		if configured && !has || slices.Contains(known, id) {
			return
		}
		text := fmt.Sprintf("%s.%s: there is no plugin %.64q", section, id, id)
		if word := typo.Near(id, known); word != "" {
			text += " (did you mean " + word + "?)"
		}
		list = append(list, ConfigIssue{section + "." + id, text + ": `carapace plugins list` shows which there are"})
	}
	for id, p := range c.Plugins {
		look("plugins", id, len(p.Config) > 0)
	}
	for id, channel := range c.Channels {
		has := false
		for _, a := range channel.Accounts {
			has = has || len(a.Config) > 0
		}
		look("channels", id, has)
	}
	slices.SortFunc(list, func(a, b ConfigIssue) int { return strings.Compare(a.Path, b.Path) })
	return list
}
