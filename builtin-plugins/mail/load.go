package mail

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Fetch gets a part of a mail from the mailbox into the media store, over a connection of its own: however large it is, the account
// goes on reading meanwhile. A mail that has got another UID is found by its Message-ID.
func (Mail) Fetch(host *sdk.Host, query *wit.FileQuery) (*wit.FetchedFile, error) {
	settings, err := readSettings(query.Config)
	if err != nil {
		return nil, err
	}
	at, err := json.ParseText(query.Locator)
	if err != nil {
		return nil, err
	}
	socket, err := host.Dial(settings.imap)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	b := &box{host: host, socket: socket}
	b.enter(&settings)
	uid := b.find(&settings, at)
	file := b.load(uid, at, query)
	b.do("LOGOUT")
	if file == nil {
		return nil, b.err
	}
	return file, nil
}

// box is a dialogue with a mailbox. After an error it does nothing any more.
type box struct {
	host   *sdk.Host
	socket *sdk.Socket
	lines  []string // untagged responses to the last command
	yields string   // what is said when a login is asked for more
	err    error
}

// maxLines bounds the untagged responses to a command.
const maxLines = 2000

// tag is that of all commands, which come one after the other.
const tag = "a"

// enter logs in and opens the folder, to be read only.
func (b *box) enter(s *settings) {
	if greeting := b.line(); b.err == nil && !strings.HasPrefix(greeting, "* OK") && !strings.HasPrefix(greeting, "* PREAUTH") {
		b.err = wit.NewError(wit.CodeUnavailable, "the mail server does not want to be asked now: "+clipped(greeting))
	}
	caps := b.capabilities()
	if strings.HasPrefix(s.imap, "tcp:") && caps["STARTTLS"] {
		b.do("STARTTLS")
		if b.err == nil {
			b.err = b.socket.StartTLS()
		}
		caps = b.capabilities()
	}
	b.login(s, caps)
	b.do("EXAMINE " + quoted(s.folder))
}

func (b *box) capabilities() map[string]bool {
	caps := map[string]bool{}
	b.do("CAPABILITY")
	for _, line := range b.lines {
		for _, word := range strings.Fields(strings.ToUpper(line)) {
			caps[word] = true
		}
	}
	return caps
}

func (b *box) login(s *settings, caps map[string]bool) {
	mechanism := s.mechanism(func(m string) bool { return caps["AUTH="+m] })
	switch {
	case b.err != nil:
		return
	case mechanism != "":
		b.authenticate(s, mechanism)
	case s.oauth:
		b.err = errNoToken()
		return
	default:
		b.err = b.socket.Fill(tag + " LOGIN " + quoted(s.user) + ` "{{credential:` + password + `}}"` + "\r\n")
	}
	b.answer()
	switch {
	case b.err == nil || wit.CodeOf(b.err) != wit.CodeInvalid:
	case s.renews(b.host, ""):
		b.err = errRenewed()
	default:
		b.err = wit.NewError(wit.CodeUnauthorized, s.notTaken())
	}
}

// authenticate says who the account is. A server that asks once more is about to refuse it.
func (b *box) authenticate(s *settings, mechanism string) {
	b.write(tag + " AUTHENTICATE " + mechanism + "\r\n")
	if line := b.line(); b.err == nil && !strings.HasPrefix(line, "+") {
		b.err = wit.NewError(wit.CodeUnauthorized, "the mail server takes no login: "+clipped(line))
	}
	if b.err == nil {
		b.err = b.socket.FillBase64(s.proof(mechanism))
	}
	b.write("\r\n")
	b.yields = yield(mechanism)
}

// find is the UID of a mail: that which it had, while the folder counts as it did.
func (b *box) find(s *settings, at json.Value) (uid int64) {
	for _, line := range b.lines {
		if n, ok := after(line, "[UIDVALIDITY "); ok && n == at.Get("validity").Int() {
			return at.Get("uid").Int()
		}
	}
	id := at.Get("id").Text()
	if list := ids(id); len(list) != 1 || list[0] != id {
		b.fail(gone())
		return 0
	}
	b.do("UID SEARCH HEADER Message-ID " + quoted(id))
	for _, line := range b.lines {
		if words := strings.Fields(line); len(words) > 2 && strings.EqualFold(words[1], "SEARCH") {
			uid = number(words[2])
		}
	}
	if uid == 0 {
		b.fail(gone())
	}
	return uid
}

func gone() error {
	return wit.NewError(wit.CodeNotFound, "the mail with the file is no longer in the mailbox")
}

// load fetches a part. What the server sends of it goes to the media store.
func (b *box) load(uid int64, at json.Value, query *wit.FileQuery) *wit.FetchedFile {
	part := at.Get("part").Text()
	b.write(tag + " UID FETCH " + decimal(uid) + " (BODY.PEEK[" + part + "])\r\n")
	var file *wit.FetchedFile
	for n := 0; b.err == nil && n < maxLines; n++ {
		line := b.line()
		if strings.HasPrefix(line, tag+" ") {
			b.ended(line)
			break
		}
		size, ok := literalSize([]byte(line))
		if !ok || size == 0 || file != nil || !strings.Contains(strings.ToUpper(line), "BODY["+part+"]") {
			continue
		}
		if int64(size) > wit.SocketReceivingSizeMax {
			b.fail(wit.NewError(wit.CodeTooLarge, "the file has "+decimal(int64(size))+" bytes in its mail, which is too much"))
			break
		}
		received, err := b.socket.ReceiveFile(&wit.SocketReceiving{Size: int64(size), Form: formOf(at.Get("encoding").Text()), Most: query.Most, Mime: query.Mime, Name: query.Name})
		if err != nil {
			b.err = err
			break
		}
		file = &wit.FetchedFile{Media: received.Media}
	}
	if file == nil {
		b.fail(gone())
	}
	return file
}

func formOf(encoding string) wit.FileForm {
	switch encoding {
	case "base64":
		return wit.FileFormBase64
	case "quoted-printable":
		return wit.FileFormQuotedPrintable
	}
	return wit.FileFormBytes
}

// do says a command and waits for its end.
func (b *box) do(command string) {
	b.write(tag + " " + command + "\r\n")
	b.answer()
}

func (b *box) write(text string) {
	if b.err == nil {
		_, b.err = b.socket.Write([]byte(text))
	}
}

func (b *box) line() (line string) {
	if b.err == nil {
		line, b.err = b.socket.Line()
	}
	return line
}

// answer reads up to the end of a command.
func (b *box) answer() {
	b.lines = nil
	for b.err == nil {
		line := b.line()
		switch {
		case strings.HasPrefix(line, tag+" "):
			b.ended(line)
			return
		case strings.HasPrefix(line, "+"):
			b.write(b.yields + "\r\n")
		}
		if b.lines = append(b.lines, line); len(b.lines) > maxLines {
			b.fail(wit.NewError(wit.CodeUnavailable, "the mail server says more than can be read"))
		}
	}
}

// ended takes the end of a command: what it refuses is an error.
func (b *box) ended(line string) {
	if words := strings.Fields(line); len(words) < 2 || strings.ToUpper(words[1]) != "OK" {
		b.fail(wit.NewError(wit.CodeInvalid, "the mail server says "+clipped(line)))
	}
}

func (b *box) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func clipped(s string) string { return strings.ToValidUTF8(s[:min(len(s), 300)], "") }
