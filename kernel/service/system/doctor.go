package system

import (
	"context"
	"fmt"
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
	configPath string
	checkStore func(context.Context) error
	settings   *config.Settings
	plugins    Plugins
	services   func() []service.Service
}

// examine looks at what the services stand on, and asks them what is wrong with them.
func (d *doctor) examine(ctx context.Context, _ rpc.None) (DoctorResult, error) {
	r := DoctorResult{Checks: []service.Check{
		{Name: "gateway", OK: true, Message: "carapace " + d.version + " at " + d.url()},
		d.checkDatabase(ctx), d.checkSettings(), d.checkPlugins(),
	}}
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
		return service.Check{Name: "database", Message: err.Error(), Hint: "stop the gateway, keep a copy of the state directory, and restore the database from a backup"}
	}
	return service.Check{Name: "database", OK: true, Message: "every page is sound"}
}

func (d *doctor) checkSettings() service.Check {
	if problems := d.unusableSections(); len(problems) > 0 {
		return service.Check{Name: "settings", Message: strings.Join(problems, "; "), Hint: "mend " + d.configPath + " and start the gateway again"}
	}
	return service.Check{Name: "settings", OK: true, Message: "every plugin's section fits its schema"}
}

func (d *doctor) checkPlugins() service.Check {
	c := service.Check{Name: "plugins", OK: true}
	var bad []string
	ready := 0
	for _, p := range d.plugins.List() {
		switch p.State {
		case "failed":
			bad = append(bad, p.ID+": "+p.Reason)
			c.Hint = p.Hint
		case "disabled":
		default:
			ready++
		}
	}
	if len(bad) > 0 {
		c.OK, c.Message = false, strings.Join(bad, "; ")
		return c
	}
	c.Message = fmt.Sprintf("%d can be used", ready)
	return c
}

// checkQueues says how much waits.
func (d *doctor) checkQueues(ctx context.Context) service.Check {
	q, err := queues(ctx, d.services())
	if err != nil {
		return service.Check{Name: "queues", Message: err.Error()}
	}
	return service.Check{Name: "queues", OK: true, Message: fmt.Sprintf("%d runs and %d messages wait", q.Runs, q.Outbound)}
}

// unusableSections says what is wrong with the plugins' sections of the config file. A section that cannot
// be used fails its plugin's calls, never the gateway.
func (d *doctor) unusableSections() []string {
	var problems []string
	check := func(id, account string, section wit.JSON) {
		if len(section) == 0 {
			return
		}
		if err := d.plugins.CheckConfig(id, account, section); err != nil {
			problems = append(problems, err.Error())
		}
	}
	file := d.settings.File()
	for id, p := range file.Plugins {
		check(id, "", p.Config)
	}
	for id, c := range file.Channels {
		for account, a := range c.Accounts {
			check(id, account, a.Config)
		}
	}
	slices.Sort(problems)
	return problems
}
