package whisper

import (
	"strings"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// read takes what was said from the response: from JSON, with the language where the server names it (verbose_json does), or
// from plain text, which some servers give whatever they are asked for.
func read(response *wit.HTTPResponse) (*wit.Transcript, error) {
	if response.Status != 200 {
		return nil, failure(response)
	}
	if response.Media != nil {
		return nil, wit.NewError(wit.CodeTooLarge, "whisper: the server's answer is longer than a plugin can read; send shorter recordings")
	}
	if response.Text == nil {
		return &wit.Transcript{}, nil
	}
	body := *response.Text
	value, err := json.ParseText(body)
	switch {
	case err == nil && value.Get("text").IsText():
		return transcript(value.Get("text").Text(), value.Get("language").Text()), nil
	case err == nil && value.Get("error").Exists():
		return nil, failure(response)
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
	for _, h := range headers {
		if strings.EqualFold(h.Name, "Content-Type") {
			return strings.HasPrefix(strings.ToLower(h.Value), "text/plain")
		}
	}
	return false
}

// failure is what the server says of itself, in this plugin's name.
func failure(response *wit.HTTPResponse) *wit.Error {
	err := openai.Failure(response)
	if err.Code == wit.CodeUnauthorized {
		err.Message = "the key is not accepted; give the right one with `carapace setup whisper`"
	}
	err.Message = "whisper: " + err.Message
	return err
}
