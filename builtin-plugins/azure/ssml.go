package azure

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// ssml is the page that Azure reads. What cannot stand in XML is left away.
func ssml(text, voice string, speed uint32) string {
	said := escape(text)
	if speed != 0 && speed != wit.SpeechOrderSpeedDefault {
		said = `<prosody rate="` + rate(speed) + `">` + said + `</prosody>`
	}
	return `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="` + language(voice) + `"><voice name="` + voice + `">` + said + `</voice></speak>`
}

// rate is a speed as the change that it is: 120 is +20%.
func rate(speed uint32) string {
	change := int(speed) - wit.SpeechOrderSpeedDefault
	if change > 0 {
		return "+" + strconv.Itoa(change) + "%"
	}
	return strconv.Itoa(change) + "%"
}

// language is that of a voice, which its name begins with.
func language(voice string) string {
	if parts := strings.SplitN(voice, "-", 3); len(parts) == 3 {
		return parts[0] + "-" + parts[1]
	}
	return "en-US"
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escape(text string) string {
	return entities.Replace(strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0xfffe || c == 0xffff {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "")))
}
