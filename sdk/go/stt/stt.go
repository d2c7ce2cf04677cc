// Package stt is for plugins that write down what is said in recordings. A recording is named, and not read: a request sends
// it on by reference.
package stt

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Part returns the recording as a part of a request, under the name that the server's form has for it. The file in it is
// called by its type, because servers go by the ending; its own name may have none, or one that they do not know, such as
// the oga of Telegram's voice messages, and is nobody's business there.
func Part(name string, r *wit.Recording) wit.HTTPPart {
	file := "recording"
	if ending := ending(r.Mime); ending != "" {
		file += "." + ending
	}
	part := wit.HTTPPart{Name: name, Media: &r.Media, FileName: &file}
	if r.Mime != "" {
		part.ContentType = &r.Mime
	}
	return part
}

// ending is how names of files of a type end, "" for a type that is no sound which servers know.
func ending(mime string) string {
	mime, _, _ = strings.Cut(mime, ";")
	switch strings.TrimSpace(strings.ToLower(mime)) {
	case "audio/ogg", "audio/opus", "application/ogg":
		return "ogg"
	case "audio/mpeg", "audio/mp3":
		return "mp3"
	case "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/aac":
		return "m4a"
	case "audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave":
		return "wav"
	case "audio/webm":
		return "webm"
	case "audio/flac", "audio/x-flac":
		return "flac"
	}
	return ""
}
