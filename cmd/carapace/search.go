package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/kernel/service/person"
	"github.com/carapace-gateway/carapace/kernel/service/session/search"
)

// newFind looks for words in what was said.
func newFind(o *options) *cobra.Command {
	limit := number{10, 1, 100}
	p, newest, days := search.Params{}, false, 0
	c := &cobra.Command{
		Use: "search WORDS", Short: "Look for words in what was said", Args: takes("WORDS"),
		Long: "Looks for words in all conversations, whatever their case and diacritics, also as the beginnings of longer ones. Words in\n" +
			"quotes follow each other, and a word behind a minus is not wanted.",
		Example: "  carapace sessions search \"harbour evening\"\n  carapace sessions search '\"old harbour\" -night' --role user --days 30",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		p.Query, p.Limit = args[0], limit.n
		if newest {
			p.Order = "newest"
		}
		if days > 0 {
			p.Since = time.Now().AddDate(0, 0, -days).UnixMilli()
		}
		return show(o, "sessions.search", fixed(p), printHits)(c, args)
	}
	c.Flags().Var(&limit, "limit", "how many messages, at most 100")
	c.Flags().IntVar(&p.Offset, "offset", 0, "how many messages are passed over")
	c.Flags().StringSliceVar(&p.SessionKeys, "session", nil, "only in these conversations")
	c.Flags().StringSliceVar(&p.Channels, "channel", nil, "only what came through these channels")
	c.Flags().StringSliceVar(&p.Roles, "role", nil, "only what these have said: user, assistant")
	c.Flags().StringVar(&p.AgentID, "agent", "", "only in conversations of this agent")
	c.Flags().IntVar(&days, "days", 0, "only of the last days")
	c.Flags().BoolVar(&newest, "newest", false, "the newest first, not what fits best")
	return o.client(c)
}

func printHits(w io.Writer, found search.Result) error {
	var rows [][]string
	for _, hit := range found.Results {
		rows = append(rows, []string{string(hit.SessionKey), ago(hit.Timestamp), hit.Role, hit.Snippet})
	}
	if err := listed(w, "SESSION SAID BY TEXT", rows, "nobody has said that"); err != nil {
		return err
	}
	if found.Indexing {
		fmt.Fprintln(w, "not all of what was said can be searched yet: look again in a while")
	}
	if found.Truncated {
		fmt.Fprintf(w, "there are more: --offset %d\n", found.NextOffset)
	}
	return nil
}

// newPerson answers for what is known of somebody.
func newPerson(o *options) *cobra.Command {
	c := &cobra.Command{Use: "person", Short: "Write out or remove all that is known of one person"}
	c.AddCommand(o.client(&cobra.Command{
		Use: "export CHANNEL:ID", Short: "Write all that is known of one person as JSON lines", Args: takes("CHANNEL:ID"), Example: "  carapace sessions person export telegram:4711 > person.jsonl",
		RunE: func(c *cobra.Command, args []string) error { return exportPerson(c.Context(), o, args[0]) },
	}), o.client(newPurge(o)))
	return c
}

// newPurge removes what is known of somebody, for good.
func newPurge(o *options) *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use: "purge CHANNEL:ID", Short: "Remove all that is known of one person, for good", Args: takes("CHANNEL:ID"), Example: "  carapace sessions person purge telegram:4711 --yes",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if !yes {
			return usageError{fmt.Errorf("this removes all that is known of %s, for good: say --yes", args[0])}
		}
		return show(o, "sessions.purge_user", fixed(person.PurgeParams{UserID: args[0]}), func(w io.Writer, r person.PurgeResult) error {
			fmt.Fprintf(w, "removed: %d conversations; %d conversations and messages in all\n", r.SessionsDeleted, r.SessionsTotal)
			for _, warning := range r.Warnings {
				fmt.Fprintln(w, warning)
			}
			return nil
		})(c, args)
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// exportPerson writes page after page. The lines are JSON with and without --json.
func exportPerson(ctx context.Context, o *options, who string) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	p := person.ExportParams{UserID: who}
	for {
		var page person.ExportResult
		if err := conn.Call(ctx, "sessions.export_user", p, &page); err != nil {
			return err
		}
		for _, line := range page.Data {
			if _, err := o.out.Write(append([]byte(json.RawMessage(line)), '\n')); err != nil {
				return err
			}
		}
		if p.Cursor = page.Cursor; p.Cursor == "" {
			return nil
		}
	}
}
