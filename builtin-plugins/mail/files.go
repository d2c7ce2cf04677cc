package mail

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// file is one that goes with a mail.
type file struct {
	media, name, kind string
	size              int64
}

const (
	// maxMail is how large a mail may be with its files: what the large providers take, in bytes.
	maxMail = 25 << 20
	// linkTime is how long a file can be loaded that is too large for a mail.
	linkTime = 7 * 24 * time.Hour
)

// inMail is how many bytes a file has in a mail: lines of 76 characters of base64, and what stands before it.
func (f *file) inMail() int64 { return (f.size+56)/57*78 + 500 }

// size is about how many bytes the mail has.
func (l *outgoing) size() int64 {
	n := int64(len(l.head()) + len(l.body()))
	for i := range l.files {
		n += l.files[i].inMail()
	}
	return n
}

// attach takes the files of a message that are in the media store. Others are named in the text, with their address where they are
// on the web.
func (l *outgoing) attach(host *sdk.Host, list []wit.Attachment) {
	for i := range list {
		a := &list[i]
		if a.Media == nil || *a.Media == "" {
			where := ""
			if a.Fetch != nil && isPublic(a.Fetch) {
				where = a.Fetch.URL
			}
			l.say(nameOf(a), "", where)
			continue
		}
		f := file{media: *a.Media, name: nameOf(a), kind: "application/octet-stream"}
		if a.Mime != nil && isToken(*a.Mime) {
			f.kind = *a.Mime
		}
		if a.Size != nil {
			f.size = *a.Size
		}
		if info, err := host.MediaStat(f.media); err == nil {
			f.size = info.Size
		} else if wit.CodeOf(err) == wit.CodeNotFound {
			l.say(f.name, "is no longer kept", "")
			continue
		}
		l.files = append(l.files, f)
	}
}

// isPublic reports whether anybody can make a request, as it is.
func isPublic(r *wit.HTTPRequest) bool {
	return (r.Method == "" || r.Method == "GET") && len(r.Headers) == 0 && strings.HasPrefix(r.URL, "http") && !strings.Contains(r.URL, "{{")
}

// leaveOut takes out the files with which the mail is larger than most, the largest first. The text says where they are.
func (l *outgoing) leaveOut(host *sdk.Host, most int64) {
	for len(l.files) > 0 && l.size() > most {
		largest := 0
		for i := range l.files {
			if l.files[i].size > l.files[largest].size {
				largest = i
			}
		}
		f := l.files[largest]
		l.files = append(l.files[:largest:largest], l.files[largest+1:]...)
		link, err := host.MediaLink(f.media, linkTime)
		if err != nil {
			host.Warn("mail: a file is too large for a mail, and there is no link to it: " + err.Error())
		}
		l.say(f.name, "is too large for a mail ("+decimal((f.size+1023)/1024)+" KB)", link)
	}
}

// say puts a line about a file below the text.
func (l *outgoing) say(name, what, link string) {
	line := name
	if what != "" {
		line += " " + what
	}
	if link != "" {
		line += ": " + link
	}
	if l.html != "" {
		shown := escaped(line)
		if link != "" {
			shown = `<a href="` + escaped(link) + `">` + escaped(name) + "</a> " + escaped(what)
		}
		l.html += "\n<p>" + shown + "</p>"
	}
	l.text = strings.TrimLeft(l.text+"\n\n"+line, "\n")
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// nameOf is what a file is called in a mail: without what would end its name.
func nameOf(a *wit.Attachment) string {
	if a.Name == nil || *a.Name == "" {
		return string(a.Kind) + ending(a)
	}
	return oneLine(strings.NewReplacer(`"`, "'", `\`, "-", "/", "-").Replace(*a.Name))
}

// endings are those of what has no name of its own, as voices and pictures that were made.
var endings = map[string]string{
	"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/wav": ".wav",
	"audio/mp4": ".m4a", "video/mp4": ".mp4", "application/pdf": ".pdf", "text/plain": ".txt",
}

func ending(a *wit.Attachment) string {
	if a.Mime == nil {
		return ""
	}
	return endings[*a.Mime]
}
