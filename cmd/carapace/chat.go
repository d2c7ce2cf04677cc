package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/cmd/carapace/tui"
)

// newChat is two commands: a chat on the terminal, and with --message one question for scripts.
func newChat(o *options) *cobra.Command {
	var session, message string
	timeout := span(5 * time.Minute)
	c := &cobra.Command{
		Use:   "chat",
		Short: "Talk to the assistant in this terminal",
		Example: "  carapace chat\n" +
			"  carapace chat --message \"what is 17*23?\"\n" +
			"  echo \"what time is it?\" | carapace chat --message -",
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			if strings.TrimSpace(session) == "" {
				return usageError{errors.New("--session is empty: write a name such as main")}
			}
			// An empty message is a mistake in a script, not a wish for the terminal.
			if !c.Flags().Changed("message") {
				return chatOnTerminal(c.Context(), o, session)
			}
			ctx, cancel := context.WithTimeout(c.Context(), time.Duration(timeout))
			defer cancel()
			return ask(ctx, o, session, message)
		},
	}
	c.Flags().StringVarP(&message, "message", "m", "", "say this, print the answer and leave; - reads it from standard input")
	c.Flags().StringVarP(&session, "session", "s", "main", "which conversation")
	c.Flags().Var(&timeout, "timeout", "how long to wait for the answer to --message")
	return o.client(c)
}

// chatOnTerminal shows the conversation until the user leaves.
func chatOnTerminal(ctx context.Context, o *options, session string) error {
	if _, ok := terminal(o.out); !ok {
		return usageError{errors.New("chat needs a terminal; use --message in scripts")}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conversation, failed := converse(ctx, o, session)
	err := tui.Run(ctx, conversation, session)
	cancel()
	return errors.Join(err, <-failed)
}

// converse keeps a conversation going until ctx ends. The channel gives its error, once, when it has ended.
func converse(ctx context.Context, o *options, session string) (*talk.Conversation, <-chan error) {
	conversation := talk.New(session, o.dial)
	failed := make(chan error, 1)
	go func() { failed <- conversation.Run(ctx) }()
	return conversation, failed
}
