package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/archive"
)

// archiveCommands put conversations away and bring them back.
func archiveCommands(o *options) []*cobra.Command {
	var remove, yes bool
	put := &cobra.Command{
		Use: "archive SESSION", Short: "Write a conversation into the archive and leave it out of lists", Args: takes("SESSION"),
		Example:           "  carapace sessions archive trip\n  carapace sessions archive trip --remove",
		ValidArgsFunction: o.complete(sessionKeys),
		RunE: o.ofSession(func(c *cobra.Command, args []string) error {
			params := func(args []string) any { return archive.ArchiveParams{Key: args[0], DeleteHistory: remove} }
			return show(o, "sessions.archive", params, printPutAway)(c, args)
		}),
	}
	put.Flags().BoolVar(&remove, "remove", false, "take it out of the gateway's database: the archive alone has it then")
	list := &cobra.Command{
		Use: "archives", Short: "List what is in the archive", Args: takes(),
		RunE: show(o, "sessions.archives", fixed(archive.ArchivesParams{Limit: listPage}), printArchives),
	}
	restore := &cobra.Command{
		Use: "restore SESSION", Short: "Bring a conversation back from the archive", Args: takes("SESSION"),
		RunE: actIf(o, "sessions.restore", archivedParams, func(r archive.RestoreResult) error { return anArchive.unless(r.Restored, string(r.Key)) }, "restored"),
	}
	forget := &cobra.Command{
		Use: "forget SESSION", Short: "Delete a conversation from the archive, for good", Args: takes("SESSION"), Example: "  carapace sessions forget trip --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if !yes {
				if err := o.confirm(c.Context(), "delete what the archive has of "+args[0]+"?"); err != nil {
					return err
				}
			}
			done := func(r archive.ArchiveDeleteResult) error { return anArchive.unless(r.Deleted, string(r.Key)) }
			return actIf(o, "sessions.archive.delete", archivedParams, done, "deleted")(c, args)
		},
	}
	forget.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return []*cobra.Command{o.client(put), o.client(list), o.client(restore), o.client(forget)}
}

// anArchive is what the commands of the archive work on.
var anArchive = kind{"archived session", "sessions archives"}

func archivedParams(args []string) any { return archive.ArchivedParams{Key: args[0]} }

func printPutAway(w io.Writer, r archive.ArchiveResult) error {
	if !r.Archived {
		_, err := fmt.Fprintln(w, "it is in the archive already")
		return err
	}
	_, err := fmt.Fprintf(w, "archived as %s: messages %d, bytes %d\n", plain.Line(r.ArchivePath), r.MessageCount, r.ArchiveSize)
	return err
}

func printArchives(w io.Writer, list archive.ArchivesResult) error {
	var rows [][]string
	for _, a := range list.Archives {
		rows = append(rows, []string{string(a.Key), ago(a.ArchivedAt), fmt.Sprint(a.MessageCount), fmt.Sprint(a.ArchiveSize), a.Label})
	}
	return listed(w, "SESSION ARCHIVED MESSAGES BYTES TITLE", rows, "the archive is empty: `carapace sessions archive` puts a conversation there")
}

// newFork begins a conversation with a copy of another one.
func newFork(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use: "fork SESSION [KEY]", Short: "Begin a conversation with a copy of another one", Args: takes("SESSION", "[KEY]"), Example: "  carapace sessions fork main what-if",
		ValidArgsFunction: o.complete(sessionKeys),
		RunE: o.ofSession(func(c *cobra.Command, args []string) error {
			p := session.ForkParams{Key: args[0]}
			if len(args) > 1 {
				p.NewKey = args[1]
			}
			return show(o, "sessions.fork", fixed(p), func(w io.Writer, r session.ForkResult) error {
				_, err := fmt.Fprintln(w, plain.Line(string(r.Key)))
				return err
			})(c, args)
		}),
	})
}

// newCompact lets a summary stand for the beginning of a conversation.
func newCompact(o *options) *cobra.Command {
	keep := number{0, 1, 1 << 20}
	var focus string
	c := &cobra.Command{
		Use: "compact SESSION", Short: "Let the model read a summary in place of the beginning of a conversation", Args: takes("SESSION"),
		Long: "Lets a summary stand for the beginning of a conversation in what the model reads. What was said stays readable\n" +
			"for you. The model writes the summary; with --keep no model is asked, and an excerpt takes its place.",
		Example:           "  carapace sessions compact main\n  carapace sessions compact main --keep 50",
		ValidArgsFunction: o.complete(sessionKeys),
	}
	c.RunE = o.ofSession(func(c *cobra.Command, args []string) error {
		p := chat.CompactParams{Key: args[0], MaxLines: keep.n, Instructions: focus}
		return show(o, "sessions.compact", fixed(p), printCompacted)(c, args)
	})
	c.Flags().Var(&keep, "keep", "how many of the newest messages stay as they are, and no model is asked")
	c.Flags().StringVar(&focus, "focus", "", "what the summary has to keep")
	return o.client(c)
}

func printCompacted(w io.Writer, r chat.CompactResult) error {
	if !r.Compacted {
		_, err := fmt.Fprintln(w, "there is nothing to shorten")
		return err
	}
	_, err := fmt.Fprintf(w, "messages in the summary: %d, as they are: %d; about %d tokens became %d\n", r.MessagesCompacted, r.Kept, r.Result.TokensBefore, r.Result.TokensAfter)
	return err
}
