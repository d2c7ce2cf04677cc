package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

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
		RunE:    func(c *cobra.Command, _ []string) error { return doctor(c.Context(), o) },
	})
}

// examine looks at the state directory, and asks the gateway for what it finds.
func examine(ctx context.Context, o *options) []service.Check {
	findings := []service.Check{checkStateDir(o.stateDir), checkConfig(o.stateDir), checkPrivate(filepath.Join(o.stateDir, kernel.TokenFile))}
	var remote system.DoctorResult
	if err := o.call(ctx, "doctor", nil, &remote); err != nil {
		findings = append(findings, service.Check{Name: "gateway", Message: err.Error(), Hint: "start it with `carapace`"})
	}
	return append(findings, remote.Checks...)
}

func doctor(ctx context.Context, o *options) error {
	findings := examine(ctx, o)
	wrong := 0
	for _, f := range findings {
		if !f.OK {
			wrong++
		}
	}
	if o.json {
		return errors.Join(printJSON(o.out, system.DoctorResult{OK: wrong == 0, Checks: findings}), verdict(wrong))
	}
	writeFindings(o.out, findings)
	return verdict(wrong)
}

func writeFindings(w io.Writer, findings []service.Check) {
	for _, f := range findings {
		mark := "✓"
		if !f.OK {
			mark = "✗"
		}
		fmt.Fprintf(w, "%s %-12s %s\n", mark, f.Name, f.Message)
		if !f.OK && f.Hint != "" {
			fmt.Fprintf(w, "  %-12s → %s\n", "", f.Hint)
		}
	}
}

func verdict(wrong int) error {
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of the checks failed", wrong)
}

func checkStateDir(dir string) service.Check {
	f := service.Check{Name: "state", Message: dir}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Message, f.Hint = dir+" does not exist yet", "start the gateway once: `carapace`"
	case err != nil:
		f.Message = err.Error()
	case !info.IsDir():
		f.Message, f.Hint = dir+" is not a directory", "name another with --state-dir"
	case info.Mode().Perm()&0o077 != 0:
		f.Message, f.Hint = dir+" can be read by others", "chmod 700 "+dir
	default:
		f.OK = true
	}
	return f
}

func checkConfig(stateDir string) service.Check {
	path := configPath(stateDir)
	if _, err := config.Load(path, false); err != nil {
		return service.Check{Name: "config", Message: err.Error(), Hint: "mend the file and start the gateway again"}
	}
	return service.Check{Name: "config", OK: true, Message: path}
}

// checkPrivate looks at who can read the token's file, if there is one.
func checkPrivate(path string) service.Check {
	f := service.Check{Name: "token", OK: true, Message: path}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		f.OK, f.Message, f.Hint = false, path+" can be read by others", "chmod 600 "+path
	}
	return f
}
