package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// files are those of a post (metadata.files, FileInfo objects). The kernel fetches them, with the bot's token, when something
// needs them. Of those that Mattermost says nothing of the ids are known (file_ids).
func (p *post) files() (out []wit.Attachment) {
	told := map[string]bool{}
	for v := range p.v.Get("metadata", "files").Items() {
		id := v.Get("id").Text()
		if told[id] = true; v.Get("delete_at").Int() == 0 && isID(id) {
			out = append(out, p.a.file(id, v))
		}
	}
	for v := range p.v.Get("file_ids").Items() {
		if id := v.Text(); !told[id] && isID(id) {
			out = append(out, p.a.file(id, json.Value{}))
		}
	}
	return out
}

// file reads one file.
func (a *answer) file(id string, v json.Value) wit.Attachment {
	f := wit.Attachment{Kind: attachment.Kind(v.Get("mime_type").Text()), Mime: account.Optional(v.Get("mime_type").Text()), Name: account.Optional(v.Get("name").Text())}
	if size := v.Get("size").Int(); size > 0 {
		f.Size = &size
	}
	f.Width, f.Height = attachment.Pixels(v.Get("width")), attachment.Pixels(v.Get("height"))
	request := a.Settings.call("", "GET", "/files/"+id, nil)
	request.Timeout = transferTimeout
	f.Fetch = &request
	return f
}
