package whisper

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// read takes what was said from the response: from JSON, with the language where the server names it (verbose_json does), or
// from plain text, which some servers give whatever they are asked for.
func read(response *wit.HTTPResponse) (*wit.Transcript, error) {
	body := texts.Of(response.Text)
	if response.Status != 200 {
		return nil, failure(int64(response.Status), body, response.Headers)
	}
	if response.Media != nil {
		return nil, wit.NewError(wit.CodeTooLarge, "whisper: the server's answer is longer than a plugin can read; send shorter recordings")
	}
	if body == "" {
		return &wit.Transcript{}, nil
	}
	value, err := json.ParseText(body)
	switch {
	case err == nil && value.Get("text").IsText():
		return transcript(value.Get("text").Text(), value.Get("language").Text()), nil
	case err == nil && value.Get("error").Exists():
		return nil, failure(0, body, response.Headers) // some say so in a good response
	case err != nil && isPlain(response.Headers):
		return transcript(body, ""), nil
	}
	return nil, wit.NewError(wit.CodeUnavailable, "whisper: the server sent something that is no transcription; check baseUrl")
}

func transcript(text, language string) *wit.Transcript {
	t := &wit.Transcript{Text: strings.TrimSpace(text)}
	if language != "" && len(language) <= wit.TranscriptLanguageMax {
		t.Language = &language
	}
	return t
}

// isPlain reports whether the body is text, and no page of what stands before the server.
func isPlain(headers []wit.Header) bool {
	return strings.HasPrefix(strings.ToLower(sdk.Header(headers, "Content-Type")), "text/plain")
}
