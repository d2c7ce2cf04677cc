// Package tts is for plugins that say a text aloud. Most plan a request, and never see the sound: the gateway makes it and
// keeps what comes back.
package tts

import "github.com/carapace-gateway/carapace/wit"

// Request answers with the request whose response's body is the sound.
func Request(request *wit.HTTPRequest) *wit.Speech { return &wit.Speech{Request: request} }

// Sound answers with the sound itself.
func Sound(mime string, data []byte) *wit.Speech { return &wit.Speech{Bytes: data, Mime: &mime} }
