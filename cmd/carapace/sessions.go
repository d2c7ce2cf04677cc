package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
)

// newSessions looks at what was said; to say something is chat's.
func newSessions(o *options) *cobra.Command {
	c := &cobra.Command{Use: "sessions", Short: "Look at conversations", Args: known, RunE: help}
	c.AddCommand(
		newListSessions(o),
		newShow(o),
		o.client(&cobra.Command{
			Use: "rename SESSION TITLE", Short: "Give a conversation another title", Example: "  carapace sessions rename main \"At home\"", Args: takes("SESSION", "TITLE"),
			ValidArgsFunction: o.complete(sessionKeys),
			RunE:              o.ofSession(act(o, "sessions.patch", func(args []string) any { return map[string]string{"key": args[0], "label": args[1]} }, "renamed")),
		}),
		newCreateSession(o), newResetSession(o), newDeleteSession(o),
		newExport(o), newFork(o), newCompact(o), newFind(o), newPerson(o),
	)
	c.AddCommand(archiveCommands(o)...)
	return c
}

// aSession is what the commands below work on.
var aSession = kind{"session", "sessions list"}

// ofSession runs a command whose first argument is a session that there is. For a client any key is one.
func (o *options) ofSession(run runner) runner {
	return func(c *cobra.Command, args []string) error {
		there, err := o.hasSession(c.Context(), args[0])
		if err == nil {
			err = aSession.unless(there, args[0])
		}
		if err != nil {
			return err
		}
		return run(c, args)
	}
}

func (o *options) hasSession(ctx context.Context, key string) (bool, error) {
	var found session.DescribeResult
	err := o.call(ctx, "sessions.describe", session.DescribeParams{Key: key}, &found)
	return found.Session != nil, err
}

// newShow prints what was said last.
func newShow(o *options) *cobra.Command {
	limit := number{50, 1, 1000}
	c := &cobra.Command{
		Use: "show [SESSION]", Short: "Print the end of a conversation", Example: "  carapace sessions show\n  carapace sessions show agent:main:main --limit 20", Args: takes("[SESSION]"),
		ValidArgsFunction: o.complete(sessionKeys),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		key := sessionArg(args)
		there, err := o.hasSession(c.Context(), key)
		if err == nil && key != mainSession { // which begins with the first message
			err = aSession.unless(there, key)
		}
		if err != nil {
			return err
		}
		params := chat.HistoryParams{SessionKey: key, PageParams: chat.PageParams{Limit: &limit.n}}
		return show(o, "chat.history", fixed(params), printHistory)(c, args)
	}
	c.Flags().Var(&limit, "limit", "how many messages, at most 1000")
	return o.client(c)
}

// newCreateSession begins an empty conversation, and prints its key, by which other commands and clients mean it.
func newCreateSession(o *options) *cobra.Command {
	var p chat.CreateParams
	c := &cobra.Command{
		Use: "create [TITLE]", Short: "Begin an empty conversation", Args: takes("[TITLE]"),
		Example: "  carapace sessions create \"The trip\"\n  carapace sessions create --agent ops --model openai/gpt-6-luna\n  carapace chat --session \"$(carapace sessions create)\"",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			p.Label = args[0]
		}
		return show(o, "sessions.create", fixed(p), func(w io.Writer, r chat.CreateResult) error {
			_, err := fmt.Fprintln(w, plain.Line(string(r.Key)))
			return err
		})(c, args)
	}
	c.Flags().StringVar(&p.Key, "key", "", "its key, such as trip; a new one when left out")
	c.Flags().StringVar(&p.AgentID, "agent", "", "the agent that answers in it; the default one when left out")
	c.Flags().StringVar(&p.Model, "model", "", "the model that answers in it, as provider/model or an alias; the agent's when left out")
	return o.client(c)
}

// newResetSession begins a conversation anew. It does not ask: what was said stays readable.
func newResetSession(o *options) *cobra.Command {
	return o.client(&cobra.Command{
		Use: "reset SESSION", Short: "Begin a conversation anew: the model knows nothing any more of what was said, which stays readable", Args: takes("SESSION"),
		Example:           "  carapace sessions reset main\n  carapace sessions reset agent:main:telegram:dm:12345",
		ValidArgsFunction: o.complete(sessionKeys),
		RunE:              o.ofSession(act(o, "sessions.reset", func(args []string) any { return session.ResetParams{Key: args[0]} }, "reset: `carapace sessions search` still finds what was said")),
	})
}

// newDeleteSession ends a conversation for good. It asks, since nothing brings it back.
func newDeleteSession(o *options) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "delete SESSION", Short: "Delete a conversation and all that was said in it", Args: takes("SESSION"),
		Example:           "  carapace sessions delete agent:main:telegram:dm:12345 --yes",
		ValidArgsFunction: o.complete(sessionKeys),
		RunE: o.ofSession(func(c *cobra.Command, args []string) error {
			if !yes {
				if err := o.confirm(c.Context(), "delete "+args[0]+" and all that was said in it?"); err != nil {
					return err
				}
			}
			params := func(args []string) any { return session.DeleteParams{Key: args[0]} }
			done := func(r session.DeleteResult) error { return aSession.unless(r.Deleted, args[0]) }
			return actIf(o, "sessions.delete", params, done, "deleted")(c, args)
		}),
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return o.client(c)
}

// newExport writes a history as JSON lines: a conversation's present one, or any by its session id.
func newExport(o *options) *cobra.Command {
	var id string
	c := &cobra.Command{
		Use: "export [SESSION]", Short: "Write a whole conversation as JSON lines", Example: "  carapace sessions export main > main.jsonl", Args: takes("[SESSION]"),
		ValidArgsFunction: o.complete(sessionKeys),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		p := transfer.ExportParams{SessionID: id}
		if id == "" {
			p.Key = sessionArg(args)
		}
		return plainly(exportSession(c.Context(), o, p), aSession, cmp.Or(p.Key, id))
	}
	c.Flags().StringVar(&id, "id", "", "the id of a history, such as one that a reset has ended, in place of a session")
	return o.client(c)
}

// mainSession is the owner's, which is meant when none is named.
const mainSession = "main"

// sessionArg is the session that the arguments name, the main one when they name none.
func sessionArg(args []string) string {
	if len(args) == 0 {
		return mainSession
	}
	return args[0]
}

// listPage is how many sessions are asked for at a time: the most that a page has.
const listPage = 1000

// newListSessions lists all conversations, or those of a channel, of a person, or that stand so.
func newListSessions(o *options) *cobra.Command {
	p := session.ListParams{IncludeDerivedTitles: true, Limit: listPage}
	c := &cobra.Command{
		Use: "list", Short: "List the conversations", Args: takes(),
		Example: "  carapace sessions list\n  carapace sessions list --channel telegram --user 12345\n  carapace sessions list --status failed",
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return listSessions(c.Context(), o, p) }
	c.Flags().StringVar(&p.Channel, "channel", "", "only those that began in a channel, or were last spoken to from there; webchat is the gateway's clients")
	c.Flags().StringVar(&p.UserID, "user", "", "only those that a person began or last spoke to, by the platform's id")
	c.Flags().StringVar(&p.Status, "status", "", "only those that are running or queued, or whose last run is done, failed or killed")
	return o.client(c)
}

// listSessions prints all sessions that are selected, page after page, as one list.
func listSessions(ctx context.Context, o *options, p session.ListParams) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	list := session.ListResult{HasMore: true}
	for ; list.HasMore; p.Offset = list.NextOffset {
		var page session.ListResult
		if err := conn.Call(ctx, "sessions.list", p, &page); err != nil {
			return err
		}
		page.Sessions = append(list.Sessions, page.Sessions...)
		list = page
	}
	list.Count = len(list.Sessions)
	if o.json {
		return o.printJSON(list)
	}
	return printSessions(o.out, list)
}

// printSessions writes one line for each session; its title is the owner's, or made of what was said first.
func printSessions(w io.Writer, list session.ListResult) error {
	var rows [][]string
	for _, s := range list.Sessions {
		title := s.Label
		if title == "" {
			title = s.DerivedTitle
		}
		rows = append(rows, []string{string(s.Key), s.Kind, ago(s.UpdatedAt), fmt.Sprint(s.TotalTokens), title})
	}
	return listed(w, "SESSION KIND UPDATED TOKENS TITLE", rows, "there is no conversation yet: `carapace chat` begins one")
}

// printHistory writes who said what. A message without text, such as a call of a tool, is a line too: the history
// is shown as it is.
func printHistory(w io.Writer, history chat.History) error {
	if len(history.Messages) == 0 {
		_, err := fmt.Fprintln(w, "nothing was said here yet: `carapace chat` begins")
		return err
	}
	for _, m := range history.Messages {
		// A line of what was said does not look like another message.
		text := strings.ReplaceAll(talk.Text(m.Content), "\n", "\n"+strings.Repeat(" ", 11))
		fmt.Fprintf(w, "%-10s %s\n", plain.Line(m.Role), text)
	}
	return nil
}

// exportSession writes page after page, so a history of any length fits. The lines are JSON with and without --json.
func exportSession(ctx context.Context, o *options, p transfer.ExportParams) error {
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		var page transfer.ExportResult
		if err := conn.Call(ctx, "sessions.export", p, &page); err != nil {
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
