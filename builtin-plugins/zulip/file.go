package zulip

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// uploads is where links to files of the server's begin.
const uploads = "/user_uploads/"

// maxFiles bounds the files of one message.
const maxFiles = 20

// files takes the files of a text: links into the server's uploads. A line that is nothing but such links is left out of the
// text, and in others a link's words stay.
func (a *answer) files(text string) (string, []wit.Attachment) {
	if !strings.Contains(text, uploads) {
		return text, nil
	}
	var files []wit.Attachment
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		shown, found := a.filesOf(line)
		files = append(files, found...)
		if len(found) == 0 || strings.Trim(withoutNames(shown, found), " -*!") != "" {
			lines = append(lines, shown)
		}
	}
	if len(files) > maxFiles {
		files = files[:maxFiles]
	}
	return strings.Join(lines, "\n"), files
}

// withoutNames is a line without the names of its files.
func withoutNames(line string, files []wit.Attachment) string {
	for _, f := range files {
		line = strings.Replace(line, texts.Of(f.Name), "", 1)
	}
	return line
}

// filesOf is files for a line: `[name](/user_uploads/…)`, with an exclamation mark before it or without.
func (a *answer) filesOf(line string) (shown string, files []wit.Attachment) {
	var b strings.Builder
	for {
		at := strings.Index(line, "](")
		if at < 0 {
			return b.String() + line, files
		}
		open := strings.LastIndexByte(line[:at], '[')
		link, rest, closed := strings.Cut(line[at+2:], ")")
		path := a.uploadPath(link)
		if open < 0 || !closed || path == "" {
			b.WriteString(line[:at+2])
			line = line[at+2:]
			continue
		}
		f := fileAt(a.Settings, path, line[open+1:at])
		b.WriteString(strings.TrimSuffix(line[:open], "!") + texts.Of(f.Name))
		files = append(files, f)
		line = rest
	}
}

// uploadPath is the path of a file of the server's, "" for any other link. What leads elsewhere is not asked for with
// the account's login.
func (a *answer) uploadPath(link string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(link, a.Settings.root), "/")
	if !strings.HasPrefix("/"+path, uploads) || len(path) > 1024 || strings.ContainsAny(path, " \"<>\\{}?#") || strings.Contains(path, "..") {
		return ""
	}
	return "/" + path
}

// fileAt is an attachment that is at a path. The server first gives an address that is good for a minute ("Get temporary URL for
// an uploaded file").
func fileAt(s settings, path, name string) wit.Attachment {
	last := path[strings.LastIndexByte(path, '/')+1:]
	if strings.TrimSpace(name) == "" {
		name = last
	}
	r := s.request("file", "GET", path, nil)
	r.Timeout = transferTimeout
	return wit.Attachment{
		Kind: fileKind(last), Name: account.Optional(texts.Clip(name, 255)), Fetch: &r, Excerpt: &wit.Excerpt{Field: "url", Form: wit.ExcerptFormAddress},
	}
}

// fileKind is what a file is, by its name.
func fileKind(name string) wit.AttachmentKind {
	switch strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) {
	case "png", "jpg", "jpeg", "gif", "webp", "bmp", "heic", "avif", "tiff", "apng":
		return wit.AttachmentKindImage
	case "mp4", "webm", "mov", "mkv", "m4v":
		return wit.AttachmentKindVideo
	case "mp3", "wav", "flac", "m4a", "aac", "ogg", "oga", "opus":
		return wit.AttachmentKindAudio
	}
	return wit.AttachmentKindDocument
}
