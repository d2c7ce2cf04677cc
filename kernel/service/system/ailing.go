package system

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// freshCrash is for how long the doctor speaks of a plugin's crash.
const freshCrash = time.Hour

// checkPlugins says how many plugins there are, and of each that something is wrong with what that is and what to do.
func (d *doctor) checkPlugins() []service.Check {
	all := d.plugins.List()
	usable := 0
	var ailing []service.Check
	for i := range all {
		p := &all[i]
		if p.State != "failed" && p.State != "disabled" {
			usable++
		}
		if c := p.check(time.Now()); c.Message != "" {
			ailing = append(ailing, c)
		}
	}
	return append([]service.Check{{Name: "plugins", OK: true, Message: fmt.Sprintf("%d can be used", usable)}}, ailing...)
}

// check says what is wrong with a plugin; the message is empty where nothing is.
func (p *Plugin) check(now time.Time) service.Check {
	c := service.Check{Name: "plugin " + p.ID, OK: true, Warning: true}
	switch crashed := now.Sub(p.Crashed).Round(time.Second); {
	case p.State == "disabled":
	case p.State == "failed":
		c.OK, c.Warning, c.Message = false, false, p.Reason
		c.Hint = cmp.Or(p.Hint, fmt.Sprintf("`carapace plugins info %[1]s` shows more; mend it, or `carapace plugins disable %[1]s`", p.ID))
	case p.Update != "":
		c.Message, c.Hint = "the update "+p.Update, p.Hint
	case crashed < freshCrash:
		c.Message = fmt.Sprintf("a call crashed %s ago; when that goes on, calls are spaced out until another version runs", crashed)
		c.Hint = fmt.Sprintf("`carapace plugins info %[1]s` shows where, and `carapace plugins logs %[1]s` what it wrote before; `carapace plugins update %[1]s` or `rollback %[1]s` gets another version", p.ID)
	case len(p.Shadowed) > 0:
		c.Message = "another plugin that comes first has a tool of the same name, so these of its tools are not used: " + strings.Join(p.Shadowed, ", ")
		c.Hint = "disable one of the two plugins, or give the tool another name"
	}
	return c
}
