// Package whisper transcribes recordings at OpenAI, and at every other server that has its audio transcriptions.
//
// It is one request: a form with the recording, which the gateway puts in, and the model's name (config.go). What comes back
// is JSON or text (answer.go), or a failure (error.go).
package whisper

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/stt"
	"github.com/carapace-gateway/carapace/wit"
)

// Transcriber asks a server. The zero value is ready to use.
type Transcriber struct{}

// New returns the transcriber.
func New() Transcriber { return Transcriber{} }

var _ stt.STT = Transcriber{}

// Transcribe sends the recording and waits for what is said in it.
func (Transcriber) Transcribe(host *sdk.Host, recording *wit.Recording) (*wit.Transcript, error) {
	c, err := newConfig(recording.Config)
	if err != nil {
		return nil, err
	}
	request, err := c.request(host, recording)
	if err != nil {
		return nil, err
	}
	response, err := host.HTTP(request)
	if err != nil {
		return nil, err
	}
	return read(response)
}
