package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// help is what a command does that only has others below it. What is not one of them is refused by known.
func help(c *cobra.Command, _ []string) error { return c.Help() }

// known refuses a word where only the name of a command can stand.
func known(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown command %.100q: `%s --help` shows which there are", args[0], c.CommandPath())
}

// topic wants the words of a command.
func topic(c *cobra.Command, args []string) error {
	found, rest, err := c.Root().Find(args)
	if err != nil {
		return err
	}
	return known(found, rest)
}

// free is the name of an argument that may be empty.
const free = "VALUE"

// takes wants one argument for each name. The last ones may be left out if their names are in brackets.
func takes(names ...string) cobra.PositionalArgs {
	needed := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.HasPrefix(name, "[") })
	return func(c *cobra.Command, args []string) error {
		line := strings.TrimSuffix(c.UseLine(), " [flags]")
		switch {
		case len(args) < len(needed):
			is := "is"
			if len(needed)-len(args) > 1 {
				is = "are"
			}
			return fmt.Errorf("%s %s missing: write %s", strings.Join(needed[len(args):], " and "), is, line)
		case len(args) > len(names):
			return fmt.Errorf("%.100q is too much: write %s", args[len(names)], line)
		}
		for i, arg := range args {
			if strings.TrimSpace(arg) == "" && names[i] != free {
				return fmt.Errorf("%s is empty: write %s", strings.Trim(names[i], "[]"), line)
			}
		}
		return nil
	}
}

// number is a flag's whole number from least to most.
type number struct{ n, least, most int }

func (n *number) String() string { return strconv.Itoa(n.n) }

// Type implements pflag.Value.
func (n *number) Type() string { return "int" }

// Set implements pflag.Value.
func (n *number) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil || v < n.least || v > n.most {
		return errFlag
	}
	n.n = v
	return nil
}

func (n *number) takes() string { return fmt.Sprintf("a whole number from %d to %d", n.least, n.most) }

// span is a flag's duration, which is longer than nothing.
type span time.Duration

func (s *span) String() string {
	if *s == 0 {
		return "" // none was given
	}
	return time.Duration(*s).String()
}

// Type implements pflag.Value.
func (s *span) Type() string { return "duration" }

// Set implements pflag.Value.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errFlag
	}
	*s = span(d)
	return nil
}

func (s *span) takes() string { return "a duration such as 30s or 2h, more than 0" }

// errFlag says that a flag does not take a value; flagError says what it takes.
var errFlag = errors.New("not taken")

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
