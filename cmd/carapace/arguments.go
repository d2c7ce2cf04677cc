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

// takes wants one argument for each name. The last ones may be left out if their names are in brackets.
func takes(names ...string) cobra.PositionalArgs {
	needed := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.HasPrefix(name, "[") })
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(needed):
			return fmt.Errorf("%s is missing: write %s", strings.Join(needed[len(args):], " and "), c.UseLine())
		case len(args) > len(names):
			return fmt.Errorf("%q is too much: write %s", args[len(names)], c.UseLine())
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
