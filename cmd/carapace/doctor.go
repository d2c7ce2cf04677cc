package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

func newDoctor(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use:     "doctor",
		Short:   "Look for what is wrong and say what to do",
		Long:    "Look at the state directory, the config file and the running gateway. Exits with 1 when something is wrong.",
		Example: "  carapace doctor",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.doctor(c) },
	})
}

func (o *options) doctor(c *cobra.Command) error {
	findings := []service.Check{o.checkStateDir(), o.checkConfig(), o.checkPrivate(kernel.TokenFile)}
	var remote system.DoctorResult
	if err := o.call(c.Context(), "doctor", nil, &remote); err != nil {
		findings = append(findings, service.Check{Name: "gateway", Message: err.Error(), Hint: "start it with `carapace`"})
	}
	findings = append(findings, remote.Checks...)
	wrong := 0
	for _, f := range findings {
		if !f.OK {
			wrong++
		}
	}
	if o.json {
		return errors.Join(o.printJSON(system.DoctorResult{OK: wrong == 0, Checks: findings}), verdict(wrong))
	}
	for _, f := range findings {
		mark := "✓"
		if !f.OK {
			mark = "✗"
		}
		fmt.Fprintf(o.out, "%s %-12s %s\n", mark, f.Name, f.Message)
		if !f.OK && f.Hint != "" {
			fmt.Fprintf(o.out, "  %-12s → %s\n", "", f.Hint)
		}
	}
	return verdict(wrong)
}

func verdict(wrong int) error {
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of the checks failed", wrong)
}

func (o *options) checkStateDir() service.Check {
	f := service.Check{Name: "state", Message: o.stateDir}
	info, err := os.Stat(o.stateDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Message, f.Hint = o.stateDir+" does not exist yet", "start the gateway once: `carapace`"
	case err != nil:
		f.Message = err.Error()
	case !info.IsDir():
		f.Message, f.Hint = o.stateDir+" is not a directory", "name another with --state-dir"
	case info.Mode().Perm()&0o077 != 0:
		f.Message, f.Hint = o.stateDir+" can be read by others", "chmod 700 "+o.stateDir
	default:
		f.OK = true
	}
	return f
}

func (o *options) checkConfig() service.Check {
	path := env("CARAPACE_CONFIG_PATH", o.path("carapace.json"))
	if _, err := config.Load(path, false); err != nil {
		return service.Check{Name: "config", Message: err.Error(), Hint: "mend the file and start the gateway again"}
	}
	return service.Check{Name: "config", OK: true, Message: path}
}

func (o *options) checkPrivate(name string) service.Check {
	f := service.Check{Name: "token", OK: true, Message: o.path(name)}
	if info, err := os.Stat(o.path(name)); err == nil && info.Mode().Perm()&0o077 != 0 {
		f.OK, f.Message, f.Hint = false, o.path(name)+" can be read by others", "chmod 600 "+o.path(name)
	}
	return f
}
