package sdk

import "github.com/carapace-gateway/carapace/wit"

// Progress tells who watches the call of a tool how far it is: what has been done so far, or the result as far as there
// is one, in place of what was said before. It may be called as often as there is something to say: the gateway shows
// wit.LimitProgressPerSecond a second, and the latest in any case while the call goes on. It fails outside of
// Invoke; a tool need not look at the error.
func (h *Host) Progress(text string) error {
	return call(h, progressReport, &wit.ProgressReport{Text: text}, &wit.Done{})
}
