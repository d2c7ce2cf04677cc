package mail

import "github.com/carapace-gateway/carapace/wit"

// Read makes a message of a mail as an account with these settings does, or says why not.
func Read(config, text string) (*wit.Message, string) {
	s, err := readSettings(wit.JSON(config))
	if err != nil {
		return nil, err.Error()
	}
	t := turn{}
	t.Settings = s
	return t.readAll(text)
}

func (t *turn) readAll(text string) (*wit.Message, string) {
	h, body := cutHeader(text)
	return t.read(h, walk(h, body, false), 1, 0)
}

// StateAfter is what an account keeps of a mail.
func StateAfter(config, text string) wit.JSON {
	t := turn{}
	t.Settings, _ = readSettings(wit.JSON(config))
	_, _ = t.readAll(text)
	return t.State.json()
}

// For tests of their own.
var (
	Said            = said
	PlainOf         = plainOf
	QuotedPrintable = quotedPrintable
	EncodedWord     = encodedWord
	Words           = words
)
