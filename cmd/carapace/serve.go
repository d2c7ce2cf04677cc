package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/crowd"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/resident"
)

// serveFlags are the flags and environment variables that speak over the config file.
type serveFlags struct {
	config, bind, token, logLevel, logFormat, memory, passphrase string
	port                                                         number
	throwAway                                                    bool
}

// newServe runs the gateway in this process. Settings come from the config file; flags and environment variables
// go before it, since they are for this start only.
func newServe(o *options) *cobra.Command {
	f := serveFlags{port: number{config.DefaultPort, 0, 65535}}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long:  "Run the gateway until it gets SIGTERM or Ctrl-C; then it finishes what it is doing and exits with 0.",
		Example: "  carapace serve\n" +
			"  carapace serve --port 0 --state-dir /var/lib/carapace\n" +
			"  CARAPACE_GATEWAY_TOKEN=… carapace serve --bind all",
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error { return serveGateway(c, o, f) },
	}
	c.Flags().StringVar(&f.config, "config", os.Getenv("CARAPACE_CONFIG_PATH"), "the config file (carapace.json in the state directory; $CARAPACE_CONFIG_PATH)")
	c.Flags().Var(&f.port, "port", "the port to listen on; 0 takes a free one")
	c.Flags().StringVar(&f.bind, "bind", "loopback", "who can reach it: loopback (this machine only), lan or all (every interface, in plain HTTP), tailnet, or an address")
	c.Flags().StringVar(&f.token, "token", "", "the token that clients give (made and kept in the state directory when left out; $CARAPACE_GATEWAY_TOKEN)")
	c.Flags().StringVar(&f.logLevel, "log-level", "info", "trace, debug, info, warn or error")
	c.Flags().StringVar(&f.logFormat, "log-format", "text", "text or json")
	c.Flags().StringVar(&f.memory, "memory", "", "what plugins, caches and waiting messages may hold together, such as 512M or 2G (a quarter of the machine's when left out)")
	c.Flags().StringVar(&f.passphrase, "passphrase", "", "where the passphrase is that opens the credentials: env:VARIABLE, file:PATH, or - ($CARAPACE_PASSPHRASE)")
	c.Flags().BoolVar(&f.throwAway, throwAwayFlag, false, "end with standard input, and remove the state directory then")
	_ = c.Flags().MarkHidden(throwAwayFlag) // which is there
	return c
}

// throwAwayFlag is for whoever starts a gateway for themselves alone. Standard input is a pipe that they hold: it ends when they do,
// however that comes about.
const throwAwayFlag = "throw-away"

// serveGateway runs the gateway for as long as it is wanted. What a gateway to throw away leaves is removed, so it begins with nothing.
func serveGateway(c *cobra.Command, o *options, f serveFlags) error {
	if !f.throwAway {
		return runGateway(c.Context(), c, o, f)
	}
	if list, _ := os.ReadDir(string(o.state)); len(list) > 0 {
		return usageError{fmt.Errorf("--%s: %s has to be an empty folder, since it is removed", throwAwayFlag, o.state)}
	}
	ctx, end := context.WithCancel(c.Context())
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, o.in) // whatever ends it
		end()
	}()
	return errors.Join(runGateway(ctx, c, o, f), os.RemoveAll(string(o.state)))
}

// runGateway runs until ctx ends. The log is made before the kernel, so that all that the kernel says
// about its start is in it.
func runGateway(ctx context.Context, c *cobra.Command, o *options, f serveFlags) error {
	resident.Keep()
	here := crowd.Keep(ctx)
	path, named := f.config, f.config != "" // a file that was named must exist
	if !named {
		path = o.state.path("carapace.json")
	}
	file, text, _, err := config.Load(path, named)
	if err != nil {
		return err
	}
	override := func(file *config.Config) { f.over(c, file) }
	override(file)
	if _, err := file.Runtime.MemoryBytes(); err != nil { // before anything is made
		return usageError{fmt.Errorf("--memory: %w", err)}
	}
	log, err := logs.New(logs.Config{Level: file.Log.Level, JSON: file.Log.Format == "json", Console: o.err})
	if err != nil {
		return usageError{err}
	}
	passphrase, ask, err := o.passphrase(f.passphrase)
	if err != nil {
		return err
	}
	k, err := kernel.New(ctx, kernel.Options{
		StateDir: string(o.state), ConfigPath: path, ConfigText: text, Override: override, Version: version, Log: log, Builtins: builtin.FS(), Seed: builtin.Seed(),
		Passphrase: passphrase, AskPassphrase: ask, Compiler: again(compileCommand), JavaScript: javaScript(), Python: o.python(), Crowded: here.There,
	})
	if err != nil {
		return err
	}
	go resident.Rest(ctx, k.Rest)
	return k.Run(ctx, func(at kernel.Endpoint) { greet(o.out, at, file) })
}

// passphrase is what opens the credentials, from where a flag or the environment says, and what asks for it where nothing
// is said and somebody sits at the terminal.
func (o *options) passphrase(from string) (string, func(context.Context) (string, error), error) {
	if from != "" {
		text, err := o.secret(context.Background(), "passphrase", from, "passphrase", false)
		return text, nil, err
	}
	if _, ok := terminal(o.in); !ok || os.Getenv("CARAPACE_PASSPHRASE") != "" {
		return os.Getenv("CARAPACE_PASSPHRASE"), nil, nil
	}
	return "", func(ctx context.Context) (string, error) {
		return o.secret(ctx, "passphrase", "", "passphrase of the credentials", false)
	}, nil
}

// over lays flags and environment variables over the file. Only flags that were given count: their defaults would hide
// the file. In the file 0 is the default port, so -1 stands for any free one.
func (f serveFlags) over(c *cobra.Command, file *config.Config) {
	given := c.Flags().Changed
	if given("port") {
		file.Gateway.Port = f.port.n
		if f.port.n == 0 {
			file.Gateway.Port = -1
		}
	}
	if given("bind") {
		file.Gateway.Bind = f.bind
	}
	if token := cmp.Or(f.token, os.Getenv("CARAPACE_GATEWAY_TOKEN")); token != "" {
		file.Gateway.Token, file.Gateway.Password = token, "" // one way in: the file's password would be a second
	}
	if given("log-level") {
		file.Log.Level = f.logLevel
	}
	if given("memory") {
		file.Runtime.Memory = f.memory
	}
	if given("log-format") {
		file.Log.Format = f.logFormat
	}
}

// greet tells a new user where they are and what to do next. Programs that start a gateway read the address from
// the first line.
func greet(w io.Writer, at kernel.Endpoint, file *config.Config) {
	fmt.Fprintf(w, "carapace %s listens on %s\n\n", version, at.URL)
	if len(at.Addresses) > 0 {
		fmt.Fprintf(w, "  other machines reach it, in plain HTTP, at %s\n", strings.Join(at.Addresses, ", "))
		fmt.Fprint(w, "  whoever can listen in on that network reads the token; put TLS in front (docs/proxy.md)\n")
		fmt.Fprint(w, "  who knows the token may connect; a new device waits for `carapace devices approve`\n\n")
	}
	for _, line := range [][2]string{
		{"talk to it", "carapace chat"},
		{"ask one thing", `carapace chat --message "what is 17*23?"`},
		{"see how it is", "carapace status"},
		{"connect a language model", "carapace setup openai"},
		{"connect a chat account", "carapace setup telegram"},
	} {
		fmt.Fprintf(w, "  %-26s %s\n", line[0], line[1])
	}
	fmt.Fprintf(w, "\n  state, plugins and credentials: %s\n", at.StateDir)
	if file.Agent.Model == "" && len(file.Plugins) == 0 {
		fmt.Fprintln(w, "  until a model is connected, the offline provider answers")
	}
	fmt.Fprintln(w)
}
