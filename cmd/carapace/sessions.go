package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

func newSessions(o *options) *cobra.Command {
	c := &cobra.Command{Use: "sessions", Short: "Look at conversations", Args: cobra.NoArgs}
	var limit int
	show := &cobra.Command{
		Use: "show [SESSION]", Short: "Print the end of a conversation", Example: "  carapace sessions show\n  carapace sessions show agent:main:main --limit 20", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			params := map[string]any{"sessionKey": sessionArg(args), "limit": limit}
			return o.show(c.Context(), "chat.history", params, as(writeHistory))
		},
	}
	show.Flags().IntVar(&limit, "limit", 50, "how many messages, at most 1000")
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the conversations", Example: "  carapace sessions list", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return o.show(c.Context(), "sessions.list", session.ListParams{IncludeDerivedTitles: true}, as(writeSessions))
			},
		}),
		o.client(show),
		o.client(&cobra.Command{
			Use: "export [SESSION]", Short: "Write a whole conversation as JSON lines", Example: "  carapace sessions export main > main.jsonl", Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error {
				conn, err := o.dial(c.Context())
				if err != nil {
					return err
				}
				defer conn.Close()
				return exportSession(c.Context(), conn, sessionArg(args), o.out)
			},
		}),
	)
	return c
}

func sessionArg(args []string) string {
	if len(args) == 0 {
		return "main"
	}
	return args[0]
}

func writeSessions(w io.Writer, list session.ListResult) error {
	var rows [][]string
	for _, s := range list.Sessions {
		title := s.Label
		if title == "" {
			title = s.DerivedTitle
		}
		rows = append(rows, []string{string(s.Key), s.Kind, ago(s.UpdatedAt), fmt.Sprint(s.TotalTokens), title})
	}
	return table(w, "SESSION KIND UPDATED TOKENS TITLE", rows)
}

func writeHistory(w io.Writer, history chat.History) error {
	for _, m := range history.Messages {
		fmt.Fprintf(w, "%-10s %s\n", m.Role, talk.Text(m.Content))
	}
	return nil
}

// exportSession writes page after page, so a history of any length fits.
func exportSession(ctx context.Context, conn *client.Client, key string, w io.Writer) error {
	for p := (session.ExportParams{Key: key}); ; {
		var page session.ExportResult
		if err := conn.Call(ctx, "sessions.export", p, &page); err != nil {
			return err
		}
		for _, line := range page.Lines {
			if _, err := io.WriteString(w, line+"\n"); err != nil {
				return err
			}
		}
		if p.Cursor = page.Cursor; p.Cursor == "" {
			return nil
		}
	}
}
