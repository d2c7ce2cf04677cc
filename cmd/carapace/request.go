package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/wit"
)

// Most commands are one call whose answer is printed. What differs from command to command is the method, how
// the arguments become its parameters, and what is told of the answer.

// runner is what cobra executes.
type runner = func(c *cobra.Command, args []string) error

// show calls a method and prints its answer by print. With --json the answer goes out as it came, including what
// this version of the command line does not know.
func show[T any](o *options, method string, params func(args []string) any, print func(io.Writer, T) error) runner {
	return func(c *cobra.Command, args []string) error {
		var raw json.RawMessage
		if err := o.call(c.Context(), method, params(args), &raw); err != nil {
			return err
		}
		return printAnswer(o, method, raw, print)
	}
}

// printAnswer prints the answer of a method as show does.
func printAnswer[T any](o *options, method string, raw json.RawMessage, print func(io.Writer, T) error) error {
	if o.json {
		return o.printJSON(raw)
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", method, err)
	}
	return print(o.out, answer)
}

// act calls a method for its effect and prints done; the answer is only interesting to programs.
func act(o *options, method string, params func(args []string) any, done string) runner {
	return show(o, method, params, func(w io.Writer, _ json.RawMessage) error {
		_, err := fmt.Fprintln(w, done)
		return err
	})
}

// actIf is act for a method whose answer says whether it was done. check finds an error in it, also with --json.
func actIf[T any](o *options, method string, params func(args []string) any, check func(T) error, done string) runner {
	return func(c *cobra.Command, args []string) error {
		var raw json.RawMessage
		if err := o.call(c.Context(), method, params(args), &raw); err != nil {
			return err
		}
		var answer T
		if err := json.Unmarshal(raw, &answer); err != nil {
			return fmt.Errorf("read the answer of %s: %w", method, err)
		}
		if err := check(answer); err != nil {
			return err
		}
		if o.json {
			return o.printJSON(raw)
		}
		return o.println(done)
	}
}

// kind is what a command works on, and the command that lists them.
type kind struct{ name, list string }

// unless is the error that there is none of a name, unless there is.
func (k kind) unless(there bool, name string) error {
	if there {
		return nil
	}
	return wit.Errorf(wit.CodeNotFound, "there is no %s %.100s: `carapace %s` shows which there are", k.name, name, k.list)
}

// called is something that people name by its id, by the beginning of that, or by a name.
type called struct{ id, name string }

// named returns the id of the one that is meant. Errors: CodeNotFound; CodeConflict where several are.
func (k kind) named(name string, all []called) (string, error) {
	var found []string
	for _, c := range all {
		if c.id == name {
			return name, nil
		}
		if strings.EqualFold(c.name, name) || len(name) >= 6 && strings.HasPrefix(c.id, name) {
			found = append(found, c.id)
		}
	}
	switch len(found) {
	case 0:
		return "", k.unless(false, name)
	case 1:
		return found[0], nil
	}
	return "", wit.Errorf(wit.CodeConflict, "several %ss are called %.100s: name one by its id: %s", k.name, name, strings.Join(found, ", "))
}

// plainly says what a method means that does not find what it was asked for: some do so in the words of the protocol.
func plainly(err error, k kind, name string) error {
	if wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	return k.unless(false, name)
}

// of runs a command whose first argument is one of a kind.
func (k kind) of(run runner) runner {
	return func(c *cobra.Command, args []string) error { return plainly(run(c, args), k, args[0]) }
}

// fixed are parameters that no argument changes.
func fixed(params any) func([]string) any { return func([]string) any { return params } }
