package system

import (
	"context"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// Check is one thing that the doctor looked at.
type Check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
	// Hint says what to do.
	Hint string `json:"hint,omitempty"`
}

// DoctorResult is what the doctor found; OK when every check is.
type DoctorResult struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

func (s *Service) doctor(ctx context.Context, _ rpc.None) (DoctorResult, error) {
	d := DoctorResult{OK: true, Checks: []Check{
		{Name: "gateway", OK: true, Message: "carapace " + s.Version + " at " + s.URL()},
		s.checkStore(ctx), s.checkSettings(), s.checkPlugins(), s.checkAccounts(), s.checkModel(), s.checkQueues(ctx),
	}}
	for _, c := range d.Checks {
		d.OK = d.OK && c.OK
	}
	return d, nil
}

func (s *Service) checkStore(ctx context.Context) Check {
	if err := s.CheckStore(ctx); err != nil {
		return Check{Name: "database", Message: err.Error(), Hint: "stop the gateway, keep a copy of the state directory, and restore the database from a backup"}
	}
	return Check{Name: "database", OK: true, Message: "every page is sound"}
}

func (s *Service) checkSettings() Check {
	if problems := s.CheckSections(); len(problems) > 0 {
		return Check{Name: "settings", Message: strings.Join(problems, "; "), Hint: "mend " + s.ConfigPath + " and start the gateway again"}
	}
	return Check{Name: "settings", OK: true, Message: "every plugin's section fits its schema"}
}

func (s *Service) checkPlugins() Check {
	c := Check{Name: "plugins", OK: true}
	var bad []string
	ready := 0
	for _, p := range s.Plugins() {
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

func (s *Service) checkAccounts() Check {
	c := Check{Name: "channels", OK: true}
	accounts := s.Accounts()
	for _, a := range accounts {
		if a.Wrong {
			c.OK = false
			c.Message += a.Channel + "/" + a.Account + ": " + a.State + " " + a.Message + "; "
		}
	}
	if c.OK {
		c.Message = fmt.Sprintf("%d accounts", len(accounts))
		return c
	}
	c.Message = strings.TrimSuffix(c.Message, "; ")
	c.Hint = "see `carapace logs`, and set the account up again with `carapace setup`"
	return c
}

func (s *Service) checkModel() Check {
	d := s.Defaults()
	if d.Model == "" {
		return Check{Name: "model", Message: "no provider can answer", Hint: "enable one with `carapace plugins enable`, or set one up with `carapace setup`"}
	}
	return Check{Name: "model", OK: true, Message: d.ModelProvider + "/" + d.Model}
}

func (s *Service) checkQueues(ctx context.Context) Check {
	q, err := s.Queues(ctx)
	switch {
	case err != nil:
		return Check{Name: "queues", Message: err.Error()}
	case q.Held > 0:
		return Check{Name: "queues", Message: fmt.Sprintf("%d messages are held after a crash", q.Held), Hint: "look with `carapace delivery list`, then `carapace delivery release` or `drop`"}
	case q.Aside > 0:
		return Check{Name: "queues", Message: fmt.Sprintf("%d events could not be handled and are kept aside", q.Aside), Hint: "look with `carapace call channels.poison.list`"}
	}
	return Check{Name: "queues", OK: true, Message: fmt.Sprintf("%d runs and %d messages wait", q.Runs, q.Outbound)}
}
