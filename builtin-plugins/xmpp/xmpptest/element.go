package xmpptest

import (
	"encoding/xml"
	"strings"
)

// Element is one of XML. Its Space is that of its parent where it is empty.
type Element struct {
	Name, Space string
	Attrs       map[string]string
	Kids        []*Element
	Text        string
}

// El makes an element: its attributes are name, value, name, value …
func El(name, space string, attrs ...string) *Element {
	e := &Element{Name: name, Space: space, Attrs: map[string]string{}}
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			e.Attrs[attrs[i]] = attrs[i+1]
		}
	}
	return e
}

// With returns the element with others inside of it.
func (e *Element) With(kids ...*Element) *Element {
	e.Kids = append(e.Kids, kids...)
	return e
}

// Words returns the element with a text in it.
func (e *Element) Words(text string) *Element {
	e.Text = text
	return e
}

// Kid returns the first element inside with a name and a namespace, nil where there is none; an empty namespace is any.
func (e *Element) Kid(name, space string) *Element {
	if e != nil {
		for _, k := range e.Kids {
			if k.Name == name && (space == "" || k.Space == space) {
				return k
			}
		}
	}
	return nil
}

// Get returns an attribute, "" where there is none.
func (e *Element) Get(name string) string {
	if e == nil {
		return ""
	}
	return e.Attrs[name]
}

// Body is the text of a message.
func (e *Element) Body() string {
	if b := e.Kid("body", ""); b != nil {
		return b.Text
	}
	return ""
}

// copied is the element with attributes of its own, and elements inside that are shared.
func (e *Element) copied() *Element {
	c := &Element{Name: e.Name, Space: e.Space, Text: e.Text, Attrs: map[string]string{}, Kids: append([]*Element(nil), e.Kids...)}
	for name, value := range e.Attrs {
		c.Attrs[name] = value
	}
	return c
}

// set changes an attribute.
func (e *Element) set(name, value string) *Element {
	e.Attrs[name] = value
	return e
}

// String writes the element, inside of a stream of clients.
func (e *Element) String() string {
	var b strings.Builder
	e.write(&b, nsClient)
	return b.String()
}

func (e *Element) write(b *strings.Builder, outer string) {
	b.WriteString("<" + e.Name)
	space := e.Space
	if space == "" {
		space = outer
	}
	if space != outer {
		b.WriteString(` xmlns="` + escape(space) + `"`)
	}
	for name, value := range e.Attrs {
		b.WriteString(" " + name + `="` + escape(value) + `"`)
	}
	if e.Text == "" && len(e.Kids) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">" + escape(e.Text))
	for _, k := range e.Kids {
		k.write(b, space)
	}
	b.WriteString("</" + e.Name + ">")
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// read reads the rest of an element whose start was read.
func read(d *xml.Decoder, start xml.StartElement) (*Element, error) {
	e := El(start.Name.Local, start.Name.Space)
	for _, a := range start.Attr {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			e.Attrs[a.Name.Local] = a.Value
		}
	}
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			kid, err := read(d, token)
			if err != nil {
				return nil, err
			}
			e.Kids = append(e.Kids, kid)
		case xml.CharData:
			e.Text += string(token)
		case xml.EndElement:
			return e, nil
		}
	}
}
