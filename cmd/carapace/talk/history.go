package talk

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// How much of the history is read, in messages: shownMessages to show where the conversation stands, and at
// most answerPages times answerPage to look for an answer.
const (
	shownMessages = 50
	answerPage    = 200
	answerPages   = 5
)

// history reads limit messages before the offset newest ones.
func (c *Conversation) history(ctx context.Context, conn *client.Client, limit, offset int) (chat.History, error) {
	var page chat.History
	err := conn.Call(ctx, "chat.history", map[string]any{"sessionKey": c.session, "limit": limit, "offset": offset}, &page)
	return page, err
}

// answer is the text with which a run ended: that of its last message. It is empty where the history does not
// have it, as after a reset of the session.
func (c *Conversation) answer(ctx context.Context, conn *client.Client, run string) (string, error) {
	offset := 0
	for range answerPages {
		page, err := c.history(ctx, conn, answerPage, offset)
		if err != nil {
			return "", err
		}
		for i := len(page.Messages) - 1; i >= 0; i-- {
			if m := page.Messages[i]; m.RunID == run && m.Role == "assistant" {
				return Text(m.Content), nil
			}
		}
		if !page.HasMore {
			break
		}
		offset = page.NextOffset
	}
	return "", nil
}

// readable are the messages that have a text.
func readable(history []chat.Message) []Message {
	var messages []Message
	for _, m := range history {
		if text := Text(m.Content); text != "" {
			messages = append(messages, Message{Role: m.Role, Run: m.RunID, Text: text})
		}
	}
	return messages
}

// Text is the readable part of a message's content.
func Text(content []chat.Content) string {
	var texts []string
	for _, part := range content {
		if part.Text != "" {
			texts = append(texts, part.Text)
		}
	}
	return strings.Join(texts, "\n")
}
