package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// help is what a command does that only has others below it. What is not one of them is refused by cobra.NoArgs.
func help(c *cobra.Command, _ []string) error { return c.Help() }

// exactly wants one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s is missing: write %s", strings.Join(names[len(args):], " and "), c.UseLine())
		case len(args) > len(names):
			return fmt.Errorf("%q is too much: write %s", args[len(names)], c.UseLine())
		}
		return nil
	}
}

// atMost lets the argument be left out.
func atMost(string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%q is too much: write %s", args[1], c.UseLine())
		}
		return nil
	}
}

// completeTimeout bounds how long a shell waits for completions.
const completeTimeout = 2 * time.Second

// completer lists what an argument may be, as the gateway knows it.
type completer func(context.Context, *options) ([]string, error)

// complete offers a list for each argument, and nothing where no gateway answers or the arguments are all there.
func (o *options) complete(lists ...completer) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(lists) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), completeTimeout)
		defer cancel()
		list, err := lists[len(args)](ctx, o)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list = slices.DeleteFunc(list, func(s string) bool { return !strings.HasPrefix(s, typed) })
		slices.Sort(list)
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}
