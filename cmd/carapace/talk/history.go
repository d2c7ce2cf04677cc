package talk

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

const (
	// shownMessages is how much of the history a reader gets after each connect.
	shownMessages = 50
	// searchedMessages is how far back the answer to a message of this Conversation is looked for: as many as the
	// gateway gives at once.
	searchedMessages = 1000
)

// Message is one entry of the history. Run is the run that it belongs to; for what this Conversation sent it is the
// key that Send was given.
type Message struct {
	Role string
	Text string
	Run  string
}

// history reads the end of the conversation; messages without text, such as calls of tools, are left out.
func (c *Conversation) history(ctx context.Context, conn *client.Client, limit int) ([]Message, error) {
	var h chat.History
	if err := conn.Call(ctx, "chat.history", chat.HistoryParams{SessionKey: c.session, PageParams: chat.PageParams{Limit: &limit}}, &h); err != nil {
		return nil, err
	}
	var messages []Message
	for _, m := range h.Messages {
		if text := Text(m.Content); text != "" {
			messages = append(messages, Message{Role: m.Role, Text: text, Run: m.RunID})
		}
	}
	return messages, nil
}

// answer is what the assistant said last in a run: the text that the run's end would have told. It is empty where the
// history does not have it any more.
func (c *Conversation) answer(ctx context.Context, conn *client.Client, run string) (string, error) {
	messages, err := c.history(ctx, conn, searchedMessages)
	for i := len(messages) - 1; i >= 0; i-- {
		if m := messages[i]; m.Run == run && m.Role == "assistant" {
			return m.Text, nil
		}
	}
	return "", err
}
