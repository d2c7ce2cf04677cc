package gemini

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Gemini signs parts of what it says, and reads the signatures when it goes on. A signature belongs to the part that it
// came with: two parts of which one is signed are not to be made one. See "Thought signatures" in the documentation of the
// API. The opaque data of a call is
//
//	{"id":"…","signature":"…"}
//
// and of a turn, where its text is cut into parts, and what parts without a text that people see stood between them:
//
//	{"length":42,"marks":[{"from":0,"part":{"text":"…","thought":true,"thoughtSignature":"…"}},{"from":30,"to":42,"signature":"…"}]}
//
// Places are in bytes of the turn's text. A text of another length is not the one that was signed.

// maxOpaque bounds what of one turn or call is kept, for it travels in the state. What is longer is not kept.
const maxOpaque = 64 << 10

// mark remembers that the text from one place to another one is a part with a signature.
func (s *state) mark(from, to int64, signature string) {
	s.keep(json.Object{}.Int("from", from).Int("to", to).Text("signature", signature).JSON())
}

// markPart remembers a part that is no text of the answer.
func (s *state) markPart(part json.Value) {
	s.keep(json.Object{}.Int("from", s.said).Raw("part", part.Raw()).JSON())
}

func (s *state) keep(mark wit.JSON) {
	if len(s.marks)+len(mark) < maxOpaque {
		s.marks = s.marks.Add(mark)
	}
}

// opaque is what a turn is to have again.
func (s *state) opaque() wit.JSON {
	if len(s.marks) == 0 {
		return nil
	}
	return json.Object{}.Int("length", s.said).Raw("marks", s.marks.JSON()).JSON()
}

// signedText adds a turn's text, cut into the parts that it came in as far as that matters.
func signedText(list json.Array, text string, opaque wit.JSON) json.Array {
	kept, _ := json.Parse(opaque) // it is this plugin's own
	at := 0
	upTo := func(list json.Array, place int) json.Array {
		if place > at {
			list = textPart(list, text[at:place])
			at = place
		}
		return list
	}
	if kept.Get("length").Int() == int64(len(text)) {
		for mark := range kept.Get("marks").Items() {
			from, to := int(mark.Get("from").Int()), int(mark.Get("to").Int())
			if from < at || from > len(text) || to > len(text) {
				break
			}
			list = upTo(list, from)
			if part := mark.Get("part"); part.IsObject() {
				list = list.Add(part.Raw())
				continue
			}
			list = list.Object(func(o json.Object) json.Object {
				return o.Text("text", text[from:to]).Text("thoughtSignature", mark.Get("signature").Text())
			})
			at = to
		}
	}
	return upTo(list, len(text))
}
