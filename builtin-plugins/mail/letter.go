package mail

import (
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// fetched takes the mail that was asked for. It counts as read with this answer, whatever it is, unless its text stands behind what
// was asked for: then that is asked for next.
func fetched(t *turn, r *response) {
	s := &t.State
	data := r.fetchData()
	uid := data["UID"].number()
	if len(s.queue) == 0 || uid != s.queue[0] || uid <= s.last {
		return
	}
	h, leaves, wanted := partsOf(data)
	if h == nil {
		return
	}
	if wanted != "" && s.parts == "" {
		s.parts = wanted
		return
	}
	s.passed(uid)
	came := internalDate(data["INTERNALDATE"].text)
	s.lastTime = max(s.lastTime, came)
	if s.reread && came < s.began/1000*1000 { // servers tell the second
		return
	}
	m, why := t.read(h, leaves, came, uid)
	if m == nil {
		t.Host.Info("mail: a mail is not answered: " + why)
		return
	}
	if m.ID == "" {
		m.ID = "uid:" + decimal(s.validity) + ":" + decimal(uid)
	}
	t.Out.Messages = append(t.Out.Messages, *m)
}

// partsOf reads what has come of a mail: its beginning, or its header and the parts that are its text. wanted are the sections of
// those that are missing.
func partsOf(data map[string]value) (h header, leaves []leaf, wanted string) {
	structure := structured(data["BODYSTRUCTURE"])
	if head, ok := data["BODY[HEADER]<0>"]; ok {
		h, _ = cutHeader(head.text)
		for i := range structure {
			l := &structure[i]
			l.body = data["BODY["+l.section+"]<0>"].text
			l.whole = int64(len(l.body)) >= l.size
		}
		return h, structure, ""
	}
	begin, ok := data["BODY[]<0>"]
	if !ok {
		return nil, nil, ""
	}
	cut := data["RFC822.SIZE"].number() > int64(len(begin.text))
	h, body := cutHeader(begin.text)
	leaves = walk(h, body, cut)
	if !cut || len(structure) == 0 {
		return h, leaves, ""
	}
	return h, completed(structure, leaves), missing(structure)
}

// completed are the parts of a structure, with what has come of them.
func completed(structure, come []leaf) []leaf {
	for i := range structure {
		for _, l := range come {
			if l.section == structure[i].section {
				structure[i].body, structure[i].whole = l.body, l.whole
			}
		}
	}
	return structure
}

// missing are the sections that have a mail's text, where one of them has not come; "" where all are there, or there are too many.
func missing(leaves []leaf) string {
	list, lacks := "", false
	for i, n := 0, 0; i < len(leaves) && n < maxTexts; i++ {
		if l := &leaves[i]; l.isText() {
			list += " " + l.section
			lacks = lacks || l.body == "" && l.size > 0
			n++
		}
	}
	if !lacks {
		return ""
	}
	return list[1:]
}

// internalDate reads when a mail had come: 29-Nov-2026 12:00:00 +0000. It is 0 where that is not said.
func internalDate(date string) int64 {
	came, err := time.Parse("_2-Jan-2006 15:04:05 -0700", date)
	if err != nil {
		return 0
	}
	return came.UnixMilli()
}

// cutNote stands below a mail of which not all was read.
const cutNote = "\n\n[the mail goes on]"

// read makes a message of a mail, or says why it is nobody's.
func (t *turn) read(h header, leaves []leaf, came, uid int64) (m *wit.Message, why string) {
	from := parseAddress(h.get("from"))
	if from.addr == "" {
		return nil, "it does not say from whom it is"
	}
	if why := automatic(h, from.addr, t.Settings.address); why != "" {
		return nil, why
	}
	at := mailPlace{validity: t.State.validity, uid: uid}
	if list := ids(h.get("message-id")); len(list) > 0 {
		at.id = list[0]
	}
	c := assemble(leaves, at)
	m = &wit.Message{
		ID: at.id, Kind: wit.MessageKindText, Sender: wit.Person{ID: unproven + from.addr, Username: &from.addr}, Text: t.withSubject(h, c.words()),
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: from.addr}, Attachments: c.files, Mentioned: true, Time: came,
	}
	others := t.others(h, from.addr)
	if len(others) > 0 {
		m.Text += "\n\n[also to " + strings.Join(others, ", ") + "]"
	}
	of := thread{from: from.addr, cc: others}
	if proven(h, from.addr, t.Settings.authserv) {
		m.Sender.ID = from.addr
		// Whoever can write any address into a mail does not also say where the answer goes.
		of.replyTo = parseAddress(h.get("reply-to")).addr
	}
	if from.name != "" {
		m.Sender.Name = &from.name
	}
	t.place(h, m, of)
	return m, ""
}

// words are what somebody has written, and what a reader has to know of the rest.
func (c *content) words() string {
	text := said(c.text)
	if c.cut {
		text += cutNote
	}
	if len(c.more) > 0 {
		text += "\n\n[more files: " + strings.Join(c.more, ", ") + "]"
	}
	return text
}

// maxOthers bounds the recipients of a mail that are told, and answered.
const maxOthers = 20

// others are those to whom a mail went besides.
func (t *turn) others(h header, from string) (list []string) {
	for _, field := range []string{"to", "cc"} {
		for _, a := range addresses(h.get(field)) {
			if a.addr != from && a.addr != lower(t.Settings.address) && !slices.Contains(list, a.addr) && len(list) < maxOthers {
				list = append(list, a.addr)
			}
		}
	}
	return list
}

// withSubject puts the subject above the words of a mail that begins a thread; in an answer it says nothing new.
func (t *turn) withSubject(h header, text string) string {
	subject := words(h.get("subject"))
	if subject == "" || h.has("in-reply-to") || h.has("references") {
		return text
	}
	return strings.TrimSpace(subject + "\n\n" + text)
}

const maxSubject = 150

// place gives a message its thread, and remembers what an answer needs.
func (t *turn) place(h header, m *wit.Message, of thread) {
	before := append(ids(h.get("references")), ids(h.get("in-reply-to"))...)
	root := m.ID
	if len(before) > 0 {
		root = before[0]
		m.ReplyTo = &wit.Quoted{ID: before[len(before)-1]}
	}
	if root == "" {
		return
	}
	m.Conversation.Thread = &root
	subject := words(h.get("subject"))
	of.root, of.last, of.subject = root, m.ID, strings.ToValidUTF8(subject[:min(len(subject), maxSubject)], "")
	t.State.note(of)
}
