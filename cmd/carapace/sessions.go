package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

func newSessions(o *options) *cobra.Command {
	c := &cobra.Command{Use: "sessions", Short: "Look at conversations", Args: cobra.NoArgs}
	var limit int
	show := &cobra.Command{
		Use: "show [SESSION]", Short: "Print the end of a conversation", Example: "  carapace sessions show\n  carapace sessions show agent:main:main --limit 20", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return o.showSession(c, sessionArg(args), limit) },
	}
	show.Flags().IntVar(&limit, "limit", 50, "how many messages, at most 1000")
	c.AddCommand(
		o.client(&cobra.Command{
			Use: "list", Short: "List the conversations", Example: "  carapace sessions list", Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return o.listSessions(c) },
		}),
		o.client(show),
		o.client(&cobra.Command{
			Use: "export [SESSION]", Short: "Write a whole conversation as JSON lines", Example: "  carapace sessions export main > main.jsonl", Args: cobra.MaximumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return o.exportSession(c, sessionArg(args)) },
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

func (o *options) listSessions(c *cobra.Command) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), "sessions.list", session.ListParams{IncludeDerivedTitles: true}, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var list session.ListResult
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	var rows [][]string
	for _, s := range list.Sessions {
		title := s.Label
		if title == "" {
			title = s.DerivedTitle
		}
		rows = append(rows, []string{string(s.Key), s.Kind, ago(s.UpdatedAt), fmt.Sprint(s.TotalTokens), title})
	}
	return table(o.out, "SESSION KIND UPDATED TOKENS TITLE", rows)
}

func (o *options) showSession(c *cobra.Command, key string, limit int) error {
	var raw json.RawMessage
	if err := o.call(c.Context(), "chat.history", map[string]any{"sessionKey": key, "limit": limit}, &raw); err != nil || o.json {
		return firstError(err, func() error { return o.printJSON(raw) })
	}
	var history chat.History
	if err := json.Unmarshal(raw, &history); err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	for _, m := range history.Messages {
		fmt.Fprintf(o.out, "%-10s %s\n", m.Role, talk.Text(m.Content))
	}
	return nil
}

// exportSession writes page after page, so a history of any length fits.
func (o *options) exportSession(c *cobra.Command, key string) error {
	conn, err := o.dial(c.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	for p := (session.ExportParams{Key: key}); ; {
		var page session.ExportResult
		if err := conn.Call(c.Context(), "sessions.export", p, &page); err != nil {
			return err
		}
		for _, line := range page.Lines {
			if _, err := io.WriteString(o.out, line+"\n"); err != nil {
				return err
			}
		}
		if p.Cursor = page.Cursor; p.Cursor == "" {
			return nil
		}
	}
}
