package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
)

// newNew begins a plugin. It needs no gateway and no network.
func newNew(o *options) *cobra.Command {
	var lang, kind string
	c := &cobra.Command{
		Use: "new FOLDER", Short: "Begin a plugin: a folder that builds and runs",
		Long: "Begin a plugin in a new folder, whose name is its id: the smallest one of its kind, with what it takes to build it. " +
			"What is not said is asked for at a terminal.",
		Example: "  carapace plugins new weather --kind tool --lang ts\n  carapace plugins new our-chat --kind channel --lang go", Args: takes("FOLDER"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if lang, err = o.choose(c.Context(), "language", "lang", lang, author.Languages()); err != nil {
				return err
			}
			lang = author.Language(lang)
			if kind, err = o.choose(c.Context(), "kind", "kind", kind, author.Kinds(sources.FS, lang)); err != nil {
				return err
			}
			folder, err := filepath.Abs(args[0]) // the folder's name counts, also where it is .
			if err != nil {
				return err
			}
			if err := author.New(sources.FS, folder, lang, kind); err != nil {
				return err
			}
			return o.println(fmt.Sprintf("%s is there; build it with each save, and have the gateway run it:\n  carapace plugins dev %s", args[0], shellWord(args[0])))
		},
	}
	c.Flags().StringVar(&lang, "lang", "", "the language: "+strings.Join(author.Languages(), " or "))
	c.Flags().StringVar(&kind, "kind", "", "what the plugin is: "+strings.Join(author.Kinds(sources.FS, "go"), ", "))
	return c
}

// choose is what was given, or what is chosen at the terminal, where there is one, or the only one there is.
func (o *options) choose(ctx context.Context, what, flag, given string, of []string) (string, error) {
	in, there := terminal(o.in)
	switch {
	case given != "" || len(of) == 0:
		return given, nil
	case len(of) == 1:
		return of[0], nil
	case !there:
		return "", usageError{fmt.Errorf("which %s? say by --%s one of %s", what, flag, strings.Join(of, ", "))}
	}
	return newAsker(in, o.err).line(ctx, fmt.Sprintf("%s (%s): ", what, strings.Join(of, ", ")))
}
