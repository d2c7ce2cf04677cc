package elevenlabs

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// maxName bounds a voice's name, in bytes.
	maxName = 100
	// listed is how many voices are asked for: ElevenLabs says a lot of each, and a plugin is given 64 KB of a response. Others
	// can be chosen by their id.
	listed = "15"
)

// Voices is asked first without a response, and then with the one to its request.
func (Speaker) Voices(host *sdk.Host, query *wit.VoicesQuery) (*wit.VoicesAnswer, error) {
	if query.Response == nil {
		config, err := read(query.Config)
		if err != nil {
			return nil, err
		}
		r, err := request(host, config, "GET", "/v2/voices?page_size="+listed)
		return &wit.VoicesAnswer{Request: r}, err
	}
	switch query.Response.Status {
	case 200:
	case 401:
		return nil, wit.NewError(wit.CodeUnauthorized, "elevenlabs: the key is not accepted; give the right one with `carapace setup elevenlabs`")
	default:
		return nil, wit.NewError(wit.CodeUnavailable, "elevenlabs: the voices are not listed now")
	}
	if query.Response.Text == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "elevenlabs: the list of voices is longer than a plugin can read; choose one by its id")
	}
	list, err := json.ParseText(*query.Response.Text)
	if err != nil {
		return nil, wit.NewError(wit.CodeUnavailable, "elevenlabs: what came is no list of voices; check baseUrl")
	}
	answer := &wit.VoicesAnswer{}
	for v := range list.Get("voices").Items() {
		id, name := v.Get("voice_id").Text(), v.Get("name").Text()
		if !isID(id) || len(name) > maxName || len(answer.Voices) == wit.VoicesAnswerVoicesMax {
			continue
		}
		voice := wit.Voice{ID: id, Name: name}
		if language := v.Get("labels").Get("language").Text(); language != "" && len(language) <= wit.VoiceLanguageMax {
			voice.Language = &language
		}
		answer.Voices = append(answer.Voices, voice)
	}
	return answer, nil
}
