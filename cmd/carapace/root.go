package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a wrong command line: nothing was done, and doing it again does not help. It has an exit code of
// its own.
type usageError struct{ error }

// newRoot makes the whole command line. Every call makes a new one, so that tests do not share flags.
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
		Args:          known,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          serve.RunE,
	}
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if o.state == "" {
			return usageError{errors.New("there is no home directory to keep the state in: name one with --state-dir or CARAPACE_STATE_DIR")}
		}
		return nil
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.Flags().AddFlagSet(serve.Flags()) // `carapace` alone is `carapace serve`
	root.PersistentFlags().StringVar((*string)(&o.state), "state-dir", defaultStateDir(), "where the gateway keeps its state ($CARAPACE_STATE_DIR)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{flagError(c, err)} })
	root.AddCommand(serve, newChat(o), newStatus(o), newPlugins(o), newRegistries(o), newSessions(o), newLogs(o), newDoctor(o),
		newSetup(o), newModels(o), newCredentials(o), newConfig(o), newChannels(o), newPairing(o), newDevices(o), newNodes(o), newDelivery(o),
		newDirectory(o), newSend(o), newCron(o), newApprovals(o), newAgents(o), newImport(o), newBackup(o),
		newRestore(o), newEncrypt(o), newHeartbeat(o), newWake(o), newTasks(o), newAudit(o), newUsage(o), newVoice(o),
		newMCP(o), newMedia(o), newCall(o), newRuntimes(o), newBundle(o), newCompile(o))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() { // cobra's own take any word
		case "help":
			c.Args = topic
		case "completion":
			c.Args, c.RunE = known, help
		}
	}
	wrapArgs(root)
	return root
}

// flagError says of a flag's value what the flag takes, rather than which function could not read it. Where a word
// before it is no command, the flag may be one of the command that was meant.
func flagError(c *cobra.Command, err error) error {
	if wrong := known(c, c.Flags().Args()); wrong != nil && c.HasSubCommands() {
		return wrong
	}
	if bad := (*pflag.InvalidValueError)(nil); errors.As(err, &bad) {
		what := "true or false"
		if value, ok := bad.GetFlag().Value.(interface{ takes() string }); ok {
			what = value.takes()
		}
		return fmt.Errorf("--%s cannot be %.100q: it takes %s", bad.GetFlag().Name, bad.GetValue(), what)
	}
	if errors.As(err, new(*pflag.NotExistError)) {
		return fmt.Errorf("%w: `%s --help` shows which there are", err, c.CommandPath())
	}
	return err
}

// wrapArgs makes wrong arguments a usageError in c and all below it. Cobra has a hook for errors of flags, and none
// for those of arguments.
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
