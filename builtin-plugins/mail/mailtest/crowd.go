package mailtest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// Crowd is a Server to whose owner many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	// Aim gets a value, if there is room, for each mail that is taken.
	Aim chan struct{}

	mu       sync.Mutex
	dice     *rand.Rand
	troubled bool
	letters  int
	breaks   int // of connections by IMAP
}

// maxBreaks is how many connections are broken: the pause before the next one doubles each time.
const maxBreaks = 4

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	s, err := Listen(Config{})
	if err != nil {
		return &Crowd{}, err
	}
	c := &Crowd{Server: s, Aim: make(chan struct{}, 1), dice: rand.New(rand.NewPCG(seed, 1))}
	s.update(func() {
		s.onTaken = func() {
			select {
			case c.Aim <- struct{}{}:
			default:
			}
		}
	})
	return c, nil
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "mail", Secrets: map[string]string{"password": Password},
		Config: map[string]any{"address": User, "imap": c.IMAP(), "smtp": c.SMTP()},
	}
}

// Say implements channeltest.Platform. All of a person's mails are of one thread; now and then one is delivered twice.
func (c *Crowd) Say(person int, text string) {
	c.mu.Lock()
	c.letters++
	n, dice := c.letters, 100
	if c.troubled {
		dice = c.dice.IntN(100)
	}
	if dice < 4 || dice >= 16 && dice < 18 {
		if c.breaks++; c.breaks > maxBreaks {
			dice = 100
		}
	}
	c.mu.Unlock()
	root := fmt.Sprintf("<root%d@people.test>", person)
	mail := Letter(fmt.Sprintf("person%d@people.test", person), User, text, "Subject", "A question", "Message-ID", fmt.Sprintf("<letter%d@people.test>", n),
		"References", root, "In-Reply-To", root)
	switch {
	case dice < 4:
		c.Break()
	case dice < 8:
		c.Refuse("450 4.2.0 Greylisted", "")
	case dice < 12:
		c.CutBefore(1)
	case dice < 16:
		c.Deliver(mail)
	case dice < 18:
		c.Renumber()
	}
	c.Deliver(mail)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, s := range c.Sent() {
		number, _, _ := strings.Cut(strings.TrimPrefix(s.To[0], "person"), "@")
		person, err := strconv.Atoi(number)
		m, bad := s.Message()
		if err != nil || bad != nil {
			continue
		}
		heard = append(heard, channeltest.Heard{Person: person, Text: Plain(m), At: s.At})
	}
	return heard
}

// Plain is the plain text of a mail, as programs show it that show no HTML.
func Plain(m *mail.Message) string {
	kind, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "multipart/") {
		return decode(m.Header.Get("Content-Transfer-Encoding"), m.Body)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			return ""
		}
		kind, inner, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if strings.HasPrefix(kind, "multipart/") {
			return Plain(&mail.Message{Header: mail.Header{"Content-Type": {mime.FormatMediaType(kind, inner)}}, Body: p})
		}
		if kind == "text/plain" {
			return decode(p.Header.Get("Content-Transfer-Encoding"), p)
		}
	}
}

func decode(encoding string, r io.Reader) string {
	if encoding == "quoted-printable" {
		r = quotedprintable.NewReader(r)
	}
	text, _ := io.ReadAll(r)
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
}

// Trouble implements channeltest.Platform.
func (c *Crowd) Trouble(on bool) {
	c.mu.Lock()
	c.troubled = on
	c.mu.Unlock()
	if !on {
		c.Refuse()
		c.CutBefore(0)
	}
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Listening() }

// Close implements channeltest.Platform.
func (c *Crowd) Close() error {
	c.Server.Close()
	return nil
}
