package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// files are those of a message (File objects). The kernel fetches them, with the bot's token, when something needs them.
func (p *post) files() (out []wit.Attachment) {
	for v := range p.v.Get("files").Items() {
		if mode := v.Get("mode").Text(); mode == "tombstone" || mode == "hidden_by_limit" {
			continue // it is gone
		}
		out = append(out, p.a.file(v))
	}
	return out
}

// file reads one file. One that belongs to another workspace, or is kept elsewhere, is named and not fetched.
func (a *answer) file(v json.Value) wit.Attachment {
	f := wit.Attachment{Kind: kindOf(v), Mime: account.Optional(v.Get("mimetype").Text()), Name: account.Optional(v.Get("name").Text())}
	if f.Name == nil {
		f.Name = account.Optional(v.Get("title").Text())
	}
	if size := v.Get("size").Int(); size > 0 {
		f.Size = &size
	}
	if ms := v.Get("duration_ms").Int(); ms > 0 {
		f.Duration = &ms
	}
	f.Width, f.Height = attachment.Pixels(v.Get("original_w")), attachment.Pixels(v.Get("original_h"))
	f.Caption = account.Optional(v.Get("alt_txt").Text())
	url := v.Get("url_private_download").Text()
	if url == "" {
		url = v.Get("url_private").Text()
	}
	if url != "" && v.Get("mode").Text() != "external" && !v.Get("is_external").Bool() {
		f.Fetch = &wit.HTTPRequest{URL: inert(url), Headers: []wit.Header{{Name: "Authorization", Value: "Bearer " + botToken}}, Timeout: transferTimeout}
	}
	return f
}

// kindOf is what a file is, by its media type. Slack calls recordings of its own slack_audio and slack_video.
func kindOf(v json.Value) wit.AttachmentKind {
	switch v.Get("subtype").Text() {
	case "slack_audio":
		return wit.AttachmentKindVoice
	case "slack_video":
		return wit.AttachmentKindVideo
	}
	return attachment.Kind(v.Get("mimetype").Text())
}
