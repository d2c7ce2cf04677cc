package gateway

import (
	"fmt"
	"net/http"
)

// page is what a browser shows at the gateway's address. It says nothing that a stranger may not know, loads nothing, and
// runs nothing.
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>carapace</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}code{font-size:1.05em}</style>
<h1>carapace</h1>
<p>This is the gateway of a personal assistant. %s</p>
<p>There is no console in the browser yet. To talk to it, on the machine where it runs:</p>
<pre><code>carapace chat
carapace status
carapace setup</code></pre>
<p>Apps connect by WebSocket to this address, with the gateway's token or after <code>carapace devices approve</code>.
<a href="/health">/health</a> says how it is, to programs.</p>
`

// servePage tells somebody who looks with a browser where they are.
func (s *web) servePage(w http.ResponseWriter, r *http.Request) {
	state, status := "It is up and ready.", http.StatusOK
	if s.stopping() || s.ready != nil && s.ready(r.Context()) != nil {
		state, status = "It is not ready: <code>carapace doctor</code> says why.", http.StatusServiceUnavailable
		retryAfter(w, backAgain)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, page, state)
	}
}
