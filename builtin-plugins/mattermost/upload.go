package mattermost

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// filesOf divides attachments into files, and lines of text for what is none: what is on the web, what Mattermost has no form for, and
// what files are called.
func filesOf(list []wit.Attachment) (files []*wit.Attachment, lines []string) {
	for i := range list {
		switch f := &list[i]; {
		case f.Media != nil && *f.Media != "":
			files = append(files, f)
			if caption := texts.Of(f.Caption); caption != "" {
				lines = append(lines, caption)
			}
		case f.Fetch != nil && isPublic(f.Fetch):
			lines = append(lines, joined(texts.Of(f.Caption), f.Fetch.URL))
		default:
			lines = append(lines, joined(texts.Of(f.Caption), "["+label(f)+" could not be sent]"))
		}
	}
	return files, lines
}

// isPublic reports whether people can fetch a file by its URL alone.
func isPublic(fetch *wit.HTTPRequest) bool {
	return (fetch.Method == "" || fetch.Method == "GET") && len(fetch.Headers) == 0 && !strings.Contains(fetch.URL, "{{")
}

// label is how an attachment is called for people: by its name, or its kind.
func label(f *wit.Attachment) string {
	if name := texts.Of(f.Name); name != "" {
		return name
	}
	return string(f.Kind)
}

// upload brings files to Mattermost, which belong to no post yet, and returns their ids (POST /files). One that the server does not take
// is a line of text instead, so that the rest arrives. The error is one that passes.
func (c *chat) upload(files []*wit.Attachment) (ids, lines []string, err error) {
	for _, f := range files {
		request := c.settings.call("", "POST", "/files", nil)
		request.Timeout = transferTimeout
		request.Parts = []wit.HTTPPart{{Name: "channel_id", Text: &c.channel}, {Name: "files", Media: f.Media, FileName: new(fileName(f)), ContentType: f.Mime}}
		r := c.do(request)
		if err := r.err(); err != nil {
			if wit.AsError(err).Retryable {
				return nil, nil, err
			}
			c.host.Warn("mattermost: a file is not sent: " + err.Error())
			lines = append(lines, "["+label(f)+" could not be sent: "+wit.AsError(err).Message+"]")
			continue
		}
		for info := range r.Value.Get("file_infos").Items() {
			ids = append(ids, info.Get("id").Text())
		}
	}
	return ids, lines, nil
}

// fileName is what Mattermost calls a file; it has to have a name, and shows what its ending says.
func fileName(f *wit.Attachment) string {
	if name := texts.Of(f.Name); name != "" {
		return name
	}
	_, kind, _ := strings.Cut(texts.Of(f.Mime), "/")
	if kind, _, _ = strings.Cut(kind, ";"); kind == "" {
		return string(f.Kind)
	}
	return string(f.Kind) + "." + strings.TrimPrefix(kind, "x-")
}
