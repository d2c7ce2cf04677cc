package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// newDoctor checks this machine's side itself and asks the gateway for its own checks. It works without a
// gateway too, since one that does not start is what people call a doctor for.
func newDoctor(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use:     "doctor",
		Short:   "Look for what is wrong and say what to do",
		Long:    "Look at the state directory, the config file and the running gateway. Exits with 1 when something is wrong.",
		Example: "  carapace doctor",
		Args:    takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			findings := examine(c.Context(), o)
			wrong := 0
			for _, f := range findings {
				if !f.OK {
					wrong++
				}
			}
			if o.json {
				return errors.Join(o.printJSON(system.DoctorResult{OK: wrong == 0, Checks: findings}), verdict(wrong))
			}
			printChecks(o.out, findings)
			return verdict(wrong)
		},
	})
}

// examine makes all checks. A gateway that does not answer is a finding, not an error.
func examine(ctx context.Context, o *options) []service.Check {
	findings := []service.Check{checkStateDir(o.state), checkConfig(o.state), checkToken(o.state)}
	var remote system.DoctorResult
	if err := o.call(ctx, "doctor", nil, &remote); err != nil {
		findings = append(findings, service.Check{Name: "gateway", Message: failure{err: err}.message()})
	}
	return append(findings, remote.Checks...)
}

// printChecks writes each finding, and below one that asks for it what to do.
func printChecks(w io.Writer, findings []service.Check) {
	for _, f := range findings {
		fmt.Fprintf(w, "%s %-12s %s\n", mark(f.OK, f.Warning), plain.Line(f.Name), plain.Line(f.Message))
		if (!f.OK || f.Warning) && f.Hint != "" {
			fmt.Fprintf(w, "  %-12s → %s\n", "", plain.Line(f.Hint))
		}
	}
}

// verdict makes the command exit with 1 where something is wrong.
func verdict(wrong int) error {
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of the checks failed", wrong)
}

// others are the permission bits that let anybody but the owner at a file.
const others fs.FileMode = 0o077

// checkStateDir looks whether the state directory is there and private: credentials and conversations are in it.
func checkStateDir(dir stateFolder) service.Check {
	path := string(dir)
	f := service.Check{Name: "state", Message: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Message, f.Hint = path+" does not exist yet", "start the gateway once: `carapace`"
	case err != nil:
		f.Message = err.Error()
	case !info.IsDir():
		f.Message, f.Hint = path+" is not a directory", "name another with --state-dir"
	case info.Mode().Perm()&others != 0:
		f.Message, f.Hint = path+" can be read by others", "chmod 700 "+path
	default:
		f.OK = true
	}
	return f
}

// checkConfig reads the config file as the gateway would. A file that is not there is fine: all has defaults.
func checkConfig(dir stateFolder) service.Check {
	path := dir.configPath()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return service.Check{Name: "config", OK: true, Message: path + " is not there: all settings are the defaults"}
	}
	_, _, faults, err := config.Load(path, false)
	if err != nil {
		return service.Check{Name: "config", Message: err.Error(), Hint: "mend the file, for example with `carapace config edit`; a gateway that runs keeps the settings before the mistake until then"}
	}
	if len(faults) > 0 {
		var texts []string
		for _, f := range faults {
			texts = append(texts, f.Error())
		}
		return service.Check{Name: "config", Message: path + ": " + strings.Join(texts, "; "), Hint: "mend the file, for example with `carapace config edit`; whom that is about does not run until then, all else does"}
	}
	return service.Check{Name: "config", OK: true, Message: path}
}

// checkToken looks whether the token that the gateway made is private. There is none where the owner gives one.
func checkToken(dir stateFolder) service.Check {
	path := dir.path(kernel.TokenFile)
	f := service.Check{Name: "token", OK: true, Message: path}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Message = path + " is not there: the gateway makes it at its first start, unless it is given a token"
	case err != nil:
		f.OK, f.Message = false, err.Error()
	case info.Mode().Perm()&others != 0:
		f.OK, f.Message, f.Hint = false, path+" can be read by others", "chmod 600 "+path
	}
	return f
}
