package telegram

import (
	"hash/fnv"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// Preview shows what is being written for half a minute, without making a message of it (sendMessageDraft, which is for private
// chats; since Bot API 9.5 for all bots). A server of the Bot API that is older does not know the method, which is no reason to doubt
// the token.
func (Telegram) Preview(host *sdk.Host, preview *wit.ChannelPreview) (*wit.Sent, error) {
	if preview.To.Kind != wit.ConversationKindDirect {
		return nil, wit.NewError(wit.CodeInvalid, "Telegram has previews in private chats only")
	}
	c, err := newChat(host, preview.Config, preview.To)
	if err != nil {
		return nil, err
	}
	p, err := c.topic(preview.To.Thread)
	if err != nil {
		return nil, err
	}
	r := c.callWithText("sendMessageDraft", "text", wordsOf(preview.Text, preview.Formatted), p.json("draft_id", draftID(preview.Key)))
	if r.code == 404 {
		return nil, wit.NewError(wit.CodeInvalid, "this Bot API server has no previews: "+r.description)
	}
	return &wit.Sent{}, r.err()
}

// draftID is a number for a preview, which must not be zero.
func draftID(key string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return strconv.FormatUint(uint64(h.Sum32()>>1|1), 10)
}
