// Command go-stt is a plugin that has recordings written down by a server, which answers a form with plain text.
package main

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/stt"
	"github.com/carapace-gateway/carapace/wit"
)

type scribe struct{}

// Transcribe sends the recording on. The gateway puts it into the request: a plugin knows its name only.
func (scribe) Transcribe(host *sdk.Host, recording *wit.Recording) (*wit.Transcript, error) {
	config, err := json.Parse(recording.Config)
	if err != nil {
		return nil, err
	}
	response, err := host.HTTP(&wit.HTTPRequest{
		Method: "POST", URL: config.Get("url").Text() + "/transcribe", Parts: []wit.HTTPPart{stt.Part("recording", recording)},
	})
	if err != nil {
		return nil, err
	}
	if response.Status != 200 || response.Text == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "go-stt: the server does not transcribe; look at its log")
	}
	return &wit.Transcript{Text: *response.Text}, nil
}

func init() { stt.Register("go-stt", scribe{}) }

func main() {}
