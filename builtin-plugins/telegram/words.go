package telegram

import "strings"

// words are a text, and the same in Telegram's HTML ("HTML style"), "" where that is the text.
type words struct{ plain, html string }

// wordsOf are those of a send or an edit.
func wordsOf(text string, formatted *string) words {
	w := words{plain: text}
	if formatted != nil {
		w.html = *formatted
	}
	return w
}

// with returns w between two texts.
func (w words) with(before, after string) words {
	if w.html != "" {
		w.html = escape(before) + w.html + escape(after)
	}
	w.plain = before + w.plain + after
	return w
}

// escape writes the characters that Telegram's HTML gives a meaning as entities.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
