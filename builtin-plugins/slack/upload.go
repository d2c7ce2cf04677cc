package slack

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// filesOf divides attachments into files, and lines of text for what is none: what is on the web, and what Slack has no
// form for.
func (c *chat) filesOf(list []wit.Attachment) (files []*wit.Attachment, lines []string) {
	for i := range list {
		switch f := &list[i]; {
		case f.Media != nil && *f.Media != "":
			files = append(files, f)
		case f.Fetch != nil && isPublic(f.Fetch):
			lines = append(lines, joined(caption(f), f.Fetch.URL))
		default:
			lines = append(lines, joined(caption(f), "["+label(f)+" could not be sent]"))
		}
	}
	return files, lines
}

// isPublic reports whether people can fetch a file by its URL alone.
func isPublic(fetch *wit.HTTPRequest) bool {
	return (fetch.Method == "" || fetch.Method == "GET") && len(fetch.Headers) == 0 && !strings.Contains(fetch.URL, "{{")
}

func caption(f *wit.Attachment) string {
	if f.Caption == nil {
		return ""
	}
	return *f.Caption
}

// label is how an attachment is called for people: by its name, or its kind.
func label(f *wit.Attachment) string {
	if f.Name != nil && *f.Name != "" {
		return *f.Name
	}
	return string(f.Kind)
}

// share uploads files and shares them in one message ("Working with files", "Uploading files"): for each an address, what
// is posted there, then the message. Slack makes that when it is done with the files, so it has no ts yet.
func (c *chat) share(files []*wit.Attachment, thread string, try *attempt) (id string, uncertain bool, err error) {
	list, captions := json.Array{}, ""
	var ids []string
	for _, f := range files {
		id, err := c.upload(f)
		if err != nil {
			return "", false, err
		}
		ids = append(ids, id)
		list, captions = list.Add(json.Object{}.Text("id", id).Text("title", label(f)).JSON()), joined(captions, caption(f))
	}
	try.uploaded(ids)
	r := c.call("files.completeUploadExternal", form.Of("files", string(list.JSON()), "channel_id", c.channel).
		With("thread_ts", thread).With("initial_comment", escaped.Replace(captions)))
	if err := r.err(); err != nil {
		return "", r.uncertain(), err
	}
	return c.fileID(ids[0]), false, nil
}

// shared returns the id of files that an earlier attempt has shared, "" for none.
func (c *chat) shared(try *attempt) string {
	if files := try.uploads(); len(files) > 0 && c.isShared(files[0]) {
		return c.fileID(files[0])
	}
	return ""
}

// fileID is what a message with files is called, whose ts is not known.
func (c *chat) fileID(file string) string { return c.channel + ":file:" + file }

// upload brings one file to Slack and returns its id (files.getUploadURLExternal).
func (c *chat) upload(f *wit.Attachment) (id string, err error) {
	info, err := c.host.MediaStat(*f.Media)
	if err != nil {
		return "", err
	}
	r := c.call("files.getUploadURLExternal", form.Of("filename", fileName(f), "length", strconv.FormatInt(info.Size, 10)).With("alt_txt", texts.Characters(caption(f), 1000)))
	if err := r.err(); err != nil {
		return "", err
	}
	response, err := c.host.HTTP(&wit.HTTPRequest{
		ID: "upload", Method: "POST", URL: inert(r.Value.Get("upload_url").Text()), Timeout: transferTimeout,
		Parts: []wit.HTTPPart{{Name: "file", Media: f.Media, FileName: new(fileName(f)), ContentType: f.Mime}},
	})
	if err != nil {
		return "", err
	}
	if response.Status >= 300 {
		code := wit.CodeInvalid
		if response.Status >= 500 || response.Status == 429 {
			code = wit.CodeUnavailable
		}
		e := wit.NewError(code, "Slack did not take the file "+label(f)+": status "+strconv.Itoa(int(response.Status)))
		e.Retryable = code.Transient()
		return "", e
	}
	return r.Value.Get("file_id").Text(), nil
}

// fileName is what Slack calls a file; it has to have a name.
func fileName(f *wit.Attachment) string {
	if f.Name != nil && *f.Name != "" {
		return *f.Name
	}
	name := string(f.Kind)
	if f.Mime != nil {
		_, kind, _ := strings.Cut(*f.Mime, "/")
		if kind, _, _ = strings.Cut(kind, ";"); emoji.IsName(kind) {
			name += "." + strings.TrimPrefix(kind, "x-")
		}
	}
	return name
}

// isShared reports whether a file is in the conversation already, where an earlier attempt cannot know (files.info).
func (c *chat) isShared(id string) bool {
	r := c.call("files.info", form.Of("file", id))
	for _, list := range []string{"channels", "groups", "ims"} {
		if slices.Contains(r.Value.Get("file", list).Texts(), c.channel) {
			return true
		}
	}
	shares := r.Value.Get("file", "shares")
	return shares.Get("public", c.channel).Exists() || shares.Get("private", c.channel).Exists()
}
