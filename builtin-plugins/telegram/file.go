package telegram

import (
	"cmp"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// fileIDs are a message's files by attachment: the file_id that getFile has yet to locate, or "".
type fileIDs []string

// missing reports whether a file is yet to be located.
func (f fileIDs) missing() bool {
	for _, id := range f {
		if id != "" {
			return true
		}
	}
	return false
}

// maxDownload is how large a file a bot may fetch, in bytes (getFile).
const maxDownload = 20 << 20

// maxPending keeps the state, which holds a message that waits, within the 64 KB that it may have.
const maxPending = 40 << 10

// mustWait reports whether a message has to wait for its files. One that is larger than any of Telegram's
// goes without them.
func (in *inbound) mustWait() bool {
	return in.files.missing() && len(wit.Marshal(&in.message)) <= maxPending
}

// locateFiles asks where the files are.
func locateFiles(a *answer, files fileIDs) {
	for i, id := range files {
		if id != "" {
			a.requestOneOf(requestFile, strconv.Itoa(i), "getFile", json.Object{}.Text("file_id", id))
		}
	}
}

// maxFileTries is how often a round of getFile, which asks for all files, may fail before a message goes without
// the files that still fail.
const maxFileTries = 4

// fileLocated takes what getFile said about one file of the pending message.
func fileLocated(a *answer, index string, r result) {
	p := a.State.pending
	i, err := strconv.Atoi(index)
	if p == nil || err != nil || i < 0 || i >= len(p.files) || p.files[i] == "" {
		return
	}
	if wit.CodeOf(r.err()).Transient() && locateLater(a, r) {
		return
	}
	p.files[i] = ""
	if path := r.Value.Get("file_path").Text(); r.ok && path != "" {
		p.message.Attachments[i].Fetch = a.Settings.download(path)
	} else {
		a.Host.Warn("telegram: a file of message " + p.message.ID + " cannot be had: " + r.description)
	}
	if p.files.missing() {
		return
	}
	if a.State.failures > 0 {
		a.stopTimers()
		recovered(a)
	}
	resume(a)
}

// locateLater has another round ask for the files that are missing, and is false when there were enough. However many
// files fail until then, one failure is counted; a server that does not answer at all counts for no file's.
func locateLater(a *answer, r result) bool {
	p, most := a.State.pending, int64(account.SlowRetry)
	if r.Silent() {
		a.status(wit.ConnectionStateDisconnected, r.err().Error())
		most = account.SoonRetry
	}
	switch {
	case a.State.retry == requestFile:
		a.State.failures-- // retryLater counts it a second time
	case r.Silent():
	case p.tries >= maxFileTries:
		return false
	default:
		p.tries++
	}
	retryLater(a, requestFile, cmp.Or(r.Wait, account.Backoff(a.State.failures, most, a.Now)))
	return true
}
