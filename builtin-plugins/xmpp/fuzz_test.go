package xmpp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	n, open, err := parse(`<message a="1" xml:lang='en' b='&lt;&#x41;&#66;"'><body>x<![CDATA[<&]]>&amp;</body><p:e xmlns:p='q'><p:f/><g/></p:e><stream:h/></message>`)
	if err != nil || open || n.space != nsClient || n.get("a") != "1" || n.get("b") != `<AB"` || n.words("body", nsClient) != "x<&&" ||
		n.kid("e", "q").kid("f", "q") == nil || n.kid("e", "q").kid("g", nsClient) == nil || n.kid("h", nsStream) == nil {
		t.Errorf("%+v, %v", n, err)
	}
	if n, open, err := parse(`<stream:stream xmlns='jabber:client' from='x'>`); err != nil || !open || n.get("from") != "x" {
		t.Errorf("a stream: %+v, %v", n, err)
	}
	for _, bad := range []string{"", "x", "<a", "<a>", "<a></b>", "<a><b></a></b>", "<a b></a>", "<a b=c/>", "<a b='<'/>", "<a b='c/>", "<a/>x", "<a/><b/>", "<a>&x;</a>", "<a>&#0;</a>",
		"<a>&#xD800;</a>", "<a>&amp</a>", "<a><!-- --></a>", "<a><?x?></a>", "<!DOCTYPE a>", "<a><![CDATA[x</a>", "< a/>", "<a><b>", strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1),
		"<a>" + strings.Repeat("<b/>", maxNodes) + "</a>", "<a" + strings.Repeat(" b='c'", maxAttrs+1) + "/>"} {
		if n, _, err := parse(bad); err == nil {
			t.Errorf("%.40q is read: %+v", bad, n)
		}
	}
}

// FuzzParse: whatever comes, what is read is text that can be written, and reads the same then.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`<a b='c'>d&amp;<e xmlns='f'/></a>`, "<stream:stream>", "<a><![CDATA[]]></a>", "<a b=\"'\" c='&#9;'/>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, _, err := parse(s)
		if err != nil {
			return
		}
		again, _, err := parse(tag("a", escape(n.text), "b", n.get("b")))
		if err != nil || again.text != clean(n.text) || again.get("b") != clean(n.get("b")) || !utf8.ValidString(n.text) {
			t.Errorf("%q: %+v, %v", n.text, again, err)
		}
	})
}

// clean is a text without what XML cannot have.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !isXML(r) {
			return -1
		}
		return r
	}, s)
}
