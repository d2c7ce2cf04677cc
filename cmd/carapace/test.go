package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/service"
)

// newTest tests a plugin against the contract. It needs no gateway and no network.
func newTest(o *options) *cobra.Command {
	var update bool
	c := &cobra.Command{
		Use: "test PATH", Short: "Test a plugin against the contract, offline",
		Long: "Build the plugin in a folder, or take a packed one, or a file of WebAssembly with plugin.json beside it, and call each of its functions with what gateways send: " +
			"little and much, letters of all kinds, fields of the future, repetitions, calls that are given up, and errors of all that it asks for. " +
			"The transcripts in testdata are replayed too. Nothing outside of it is reached.",
		Example: "  carapace plugins test weather\n  carapace plugins test weather --update\n  carapace plugins test weather-1.0.0.carapace", Args: takes("PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			if update && isArchive(args[0]) {
				return usageError{errors.New("no transcripts are packed that --update could write: name the plugin's folder")}
			}
			return testPlugin(c.Context(), o, args[0], update)
		},
	}
	c.Flags().BoolVar(&update, "update", false, "write the answers of this run into the transcripts")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func testPlugin(ctx context.Context, o *options, path string, update bool) error {
	subject, err := underTest(ctx, o.err, path)
	if err != nil {
		return err
	}
	run, err := offline(ctx)
	if err != nil {
		return err
	}
	defer run.Close(context.WithoutCancel(ctx))
	report, err := conformance.Run(ctx, conformance.Options{Engine: engine.Scripts(run, javaScript(), o.python()), Gateway: version, Update: update}, subject)
	if err != nil {
		return err
	}
	if o.json {
		if err := o.printJSON(report); err != nil || report.Failures() == 0 {
			return err
		}
		return exitError(exitFailed)
	}
	printReport(o.out, report)
	if n := report.Failures(); n > 0 {
		return fmt.Errorf("%s of %d failed", service.Count(n, "check"), len(report.Checks))
	}
	return nil
}

// underTest is the plugin in a folder, which is built first, or that of a file of code or an archive, which is taken as it is. What is
// wrong with the manifest of a folder is for the test to say.
func underTest(ctx context.Context, said io.Writer, path string) (conformance.Subject, error) {
	if isArchive(path) {
		return packedSubject(path)
	}
	folder, file := path, ""
	if filepath.Ext(path) == ".wasm" {
		folder, file = filepath.Dir(path), path
	}
	found, err := author.Package(folder)
	if err != nil {
		return conformance.Subject{}, err
	}
	subject, err := conformance.Of(found, folder)
	if err != nil {
		return subject, err
	}
	if file != "" {
		subject.Code = func(string) ([]byte, error) { return os.ReadFile(file) }
		return subject, nil
	}
	if project, err := author.Open(folder, version); err == nil {
		return subject, project.Build(ctx, said)
	}
	return subject, nil
}

func isArchive(path string) bool { return filepath.Ext(path) == archive.Extension }

// packedSubject is the plugin of an archive, as it is when it is installed. No transcripts are packed.
func packedSubject(path string) (conformance.Subject, error) {
	data, err := readArchive(path)
	if err != nil {
		return conformance.Subject{}, err
	}
	p, err := archive.Read(data)
	if err != nil {
		return conformance.Subject{}, err
	}
	return conformance.Of(depot.Package(p), "")
}

// offline is an engine without a gateway. What it compiles is kept in the user's own folder for such things, where there is one.
func offline(ctx context.Context) (*runtime.Engine, error) {
	c := runtime.Config{Seed: builtin.Seed(), Compiler: again(compileCommand)}
	if dir, err := os.UserCacheDir(); err == nil {
		c.CacheDir = filepath.Join(dir, "carapace")
	}
	e, err := runtime.New(ctx, c)
	if err != nil { // a folder that cannot be written
		c.CacheDir = ""
		return runtime.New(ctx, c)
	}
	return e, nil
}

// printReport writes a line for each check, and below it what was found and what to do.
func printReport(w io.Writer, r *conformance.Report) {
	for _, c := range r.Checks {
		name := c.Name
		if c.Subject != "" {
			name = c.Subject + " " + name
		}
		sign := mark(c.State != conformance.Failed, c.State == conformance.Warning)
		if c.State == conformance.Skipped {
			sign = "-"
		}
		fmt.Fprintf(w, "%s %s\n", sign, plain.Line(name))
		for _, found := range c.Found {
			fmt.Fprintf(w, "    %s\n", plain.Line(found))
		}
		if c.Do != "" && c.State != conformance.Skipped {
			fmt.Fprintf(w, "    → %s\n", c.Do)
		}
	}
	if r.Calls == 0 {
		fmt.Fprintf(w, "\n%s of %s %s; nothing was called\n", service.Count(len(r.Checks), "check"), plain.Line(r.Plugin), plain.Line(r.Version))
		return
	}
	fmt.Fprintf(w, "\n%s of %s %s in %s; a call took %s, %d fuel and %s of memory at most\n", service.Count(len(r.Checks), "check"), plain.Line(r.Plugin), plain.Line(r.Version),
		service.Count(r.Calls, "call"), micros(r.Peak.Took), r.Peak.Fuel, size(r.Peak.Memory))
}
