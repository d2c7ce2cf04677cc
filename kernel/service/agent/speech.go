package agent

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// speech says whether the answer of a run may be spoken: what a command and a failure say may not, and what the conversation has
// chosen counts more than the settings.
func speech(tx store.Tx, r run.Run) (message.Speech, error) {
	if r.State != run.Done || r.Command != "" {
		return "", nil
	}
	heard := slices.ContainsFunc(r.Attachments, func(a wit.Attachment) bool { return a.Kind == wit.AttachmentKindVoice })
	e, err := session.Get(tx, r.Session)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return "", err
	}
	switch {
	case e.Speech == "off", e.Speech == "inbound" && !heard:
		return "", nil
	case e.Speech != "":
		return message.SpeechChosen, nil
	case heard:
		return message.SpeechReply, nil
	}
	return message.SpeechAnswer, nil
}

// chooseSpeech shows which of the session's answers are spoken, or changes it.
func chooseSpeech(a *run.Active, mode string) (string, func(*session.Entry), error) {
	mode = strings.ToLower(mode)
	switch {
	case mode == "":
		e, err := entryOf(a)
		now := e.Speech
		if now == "" {
			now = "as configured"
		}
		return "Voice is " + now + ". Choose with /voice off, inbound (I speak when you do), always, or default.", nil, err
	case mode == "default":
		return "Voice is as configured again.", func(e *session.Entry) { e.Speech = "" }, nil
	case mode == "on":
		mode = "always"
	case !slices.Contains(session.SpeechModes(), mode):
		return "I do not know that. There are " + strings.Join(session.SpeechModes(), ", ") + " and default.", nil, nil
	}
	return "Voice is " + mode + " now.", func(e *session.Entry) { e.Speech = mode }, nil
}
