package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// An album comes as one update for each of its parts, which have a media_group_id in common (Message). It
// becomes one message with all the files.

// maxAlbum is the most parts that an album has (sendMediaGroup).
const maxAlbum = 10

// albumTimer gives the rest of an album time to come. It is longer than the half second within which
// Telegram answers a repeated poll with one update only.
const (
	albumTimer = "album"
	albumDelay = 700 // milliseconds
)

// albumSize returns how many of the updates, of which first is made of the first, belong together: 1 for
// what is no album.
func albumSize(first *inbound, updates []json.Value) int {
	size := 1
	for first.album != "" && size < min(maxAlbum, len(updates)) && first.sameAlbum(updates[size]) {
		size++
	}
	return size
}

// albumMayGrow reports whether an album that ends a poll should be asked for once more, and sets the timer
// for it, since the rest may be on its way. That is so until the album is full or has not grown.
func albumMayGrow(a *answer, in *inbound, size int) bool {
	if in.album == "" || size == maxAlbum {
		return false
	}
	seen := in.album + ":" + strconv.Itoa(size)
	if a.State.album == seen {
		a.State.album = ""
		return false
	}
	a.State.album = seen
	a.Timer(albumTimer, albumDelay)
	return true
}

// sameAlbum reports whether an update is a further part of the album.
func (in *inbound) sameAlbum(u json.Value) bool {
	post := u.Get("message")
	if !post.Exists() {
		post = u.Get("channel_post")
	}
	return post.Get("media_group_id").Text() == in.album && post.Get("chat", "id").Text() == in.message.Conversation.ID
}

// addToAlbum adds further parts to the pending message, which was made of first. Whichever part has the caption gives
// the text.
func addToAlbum(a *answer, first *inbound, updates []json.Value) {
	p := a.State.pending
	for _, u := range updates {
		more := receive(a, u)
		if more == nil {
			continue
		}
		p.message.Attachments = append(p.message.Attachments, more.message.Attachments...)
		p.files = append(p.files, more.files...)
		if !first.captioned && more.captioned {
			p.message.Text, first.captioned = more.message.Text, true
		}
		p.message.Mentioned = p.message.Mentioned || more.message.Mentioned
	}
}
