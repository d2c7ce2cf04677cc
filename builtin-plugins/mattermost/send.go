package mattermost

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// maxFiles is how many files a post takes.
const maxFiles = 10

// Send posts a text, files, or both: as one post, unless there are more than ten files, or the text is longer than the server's own
// limit. A repeated send goes on where the first one failed, and looks first whether what was under way has arrived. Of a
// message in which nothing can be seen nothing is sent, which is no error.
func (Mattermost) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Account, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	files, lines := filesOf(send.Attachments)
	text := send.Text
	for _, line := range lines {
		text = joined(text, line)
	}
	letters := c.lettersOf(text, files, send)
	if len(letters) == 0 {
		return &wit.Sent{}, nil
	}
	if err := c.find(); err != nil {
		return nil, err
	}
	try := begin(host, send)
	for i, l := range letters {
		key := keyOf(send.IdempotencyKey, i)
		err := try.Part(i, func() (string, error) { return c.arrived(key) }, func() (string, bool, error) { return l.deliver(key) })
		if err != nil {
			return nil, err
		}
	}
	return &wit.Sent{IDs: try.IDs}, nil
}

// lettersOf divides a message into posts. What can be chosen stands below the last one.
func (c *chat) lettersOf(text string, files []*wit.Attachment, send *wit.ChannelSend) (list []*letter) {
	root, guessed := c.threadFor(send)
	add := func() *letter {
		list = append(list, &letter{chat: c, root: root, guessed: guessed})
		return list[len(list)-1]
	}
	if strings.TrimSpace(text) != "" {
		for _, piece := range pieces(text, int(c.state.longest)) {
			add().text = piece
		}
	}
	for chunk := range slices.Chunk(files, maxFiles) {
		last := len(list) - 1
		if last < 0 || len(list[last].files) > 0 {
			add()
			last++
		}
		list[last].files = chunk
	}
	if len(list) > 0 {
		list[len(list)-1].actions = send.Actions
	}
	return list
}

// pieces cuts a text into pieces of at most so many characters, at the ends of lines where there are some; 0 is no limit.
func pieces(text string, most int) (out []string) {
	if most <= 0 || utf8.RuneCountInString(text) <= most {
		return []string{text}
	}
	for text != "" {
		head := texts.Characters(text, most)
		if i := strings.LastIndexByte(head, '\n'); len(head) < len(text) && i > 0 {
			head = head[:i+1]
		}
		text = text[len(head):]
		if strings.TrimSpace(head) != "" {
			out = append(out, strings.Trim(head, "\n"))
		}
	}
	return out
}

// threadFor is the thread that a message goes to: the conversation's, or, in a channel, that of the message which it
// answers, unless the owner wants answers in the channel itself. Of the latter it is guessed that it is the first of its thread.
func (c *chat) threadFor(send *wit.ChannelSend) (root string, guessed bool) {
	if t := texts.Of(send.To.Thread); isID(t) {
		return t, false
	}
	if c.settings.inChannel || send.To.Kind != wit.ConversationKindChannel || !isID(texts.Of(send.ReplyTo)) {
		return "", false
	}
	return *send.ReplyTo, true
}

// keyOf is what one post of a message is known by.
func keyOf(key string, part int) string {
	if key == "" || part == 0 {
		return key
	}
	return key + "/" + strconv.Itoa(part)
}
