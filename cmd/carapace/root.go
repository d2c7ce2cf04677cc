package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/config"
)

type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is a wrong command line.
type usageError struct{ error }

// options are what every command takes: the flags, and what it reads and prints.
type options struct {
	stdio
	stateDir string
	url      string
	token    string
	json     bool
}

func newRoot(io stdio) *cobra.Command {
	o := &options{stdio: io}
	serve := newServe(o)
	root := &cobra.Command{
		Use:   "carapace",
		Short: "A personal-assistant gateway whose parts are sandboxed plugins",
		Long: "carapace runs a personal-assistant gateway on this machine: chat channels, tools and language models are\n" +
			"sandboxed WebAssembly plugins, and apps connect over one WebSocket protocol.\n\n" +
			"Without a command it starts the gateway; the other commands speak to the one that runs.",
		Example: "  carapace                      start the gateway\n" +
			"  carapace chat                 talk to it\n" +
			"  carapace setup telegram       connect a chat account",
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          serve.RunE,
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.Flags().AddFlagSet(serve.Flags())
	root.PersistentFlags().StringVar(&o.stateDir, "state-dir", env("CARAPACE_STATE_DIR", config.DefaultStateDir()), "where the gateway keeps its state ($CARAPACE_STATE_DIR)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serve, newChat(o), newStatus(o), newPlugins(o), newSessions(o), newLogs(o), newDoctor(o),
		newSetup(o), newPairing(o), newDevices(o), newDelivery(o), newCall(o))
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments a usageError in c and all below it.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// client adds the flags of a command that speaks to a running gateway.
func (o *options) client(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&o.url, "url", os.Getenv("CARAPACE_GATEWAY_URL"), "the gateway, such as ws://127.0.0.1:18789 (found by the state directory when left out)")
	c.Flags().StringVar(&o.token, "token", "", "the gateway's token ($CARAPACE_GATEWAY_TOKEN)")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
