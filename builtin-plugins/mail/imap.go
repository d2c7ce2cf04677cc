package mail

import (
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// The timers.
const (
	aliveTimer   = "alive"   // looks whether the server answers, and has an IDLE renewed
	connectTimer = "connect" // connects again after a refusal
	pollTimer    = "poll"    // looks for new mail
)

// Times in milliseconds. An IDLE is renewed before the half hour after which servers end it (RFC 2177), and before the few minutes
// after which many routers forget a connection.
const (
	answerTime      = 60_000
	idleTime        = 4 * 60_000
	refusedPause    = 300_000
	credentialPause = 10_000
	renewPause      = 1000
	tooMuchPause    = 1_000
)

// How much of a mail is read, in bytes.
const (
	letterBytes = 24 << 10 // of its beginning: its header and its text, which mostly stand first
	headBytes   = 8 << 10  // of its header alone
	textBytes   = 16 << 10 // of the parts that are its text, where those stand farther behind
	maxTexts    = 4        // of those
)

// maxTries is how often a mail is asked for that the server does not give.
const maxTries = 3

// connect opens the connection anew.
func connect(t *turn) {
	t.State.step, t.State.unread, t.State.secured = stepOff, nil, false
	t.Timer(connectTimer, 0)
	if has, err := t.Host.HasCredential(t.Settings.credential(), t.Account); err == nil && !has {
		t.status(wit.ConnectionStateNeedsLogin, t.Settings.lacks())
		t.Timer(connectTimer, credentialPause)
		return
	}
	transport, _, _ := strings.Cut(t.Settings.imap, ":")
	t.Out.Open = append(t.Out.Open, wit.OpenConnection{
		Connection: connection, Transport: wit.Transport(transport), URL: t.Settings.imap, Framing: wit.StreamFramingRaw,
	})
	t.status(wit.ConnectionStateConnecting, "")
}

// opened waits for the greeting, or goes on where STARTTLS has led.
func opened(t *turn, told *wit.Opened) {
	s, secured := &t.State, told != nil && told.Secured
	again := s.step == stepStartTLS && secured
	s.secured, s.unread, s.caps, s.queue, s.more, s.parts, s.asking = secured, nil, nil, nil, false, "", false
	if again {
		t.ask(stepCapability, "CAPABILITY")
		return
	}
	s.step, s.asked = stepGreeting, t.Now
	t.Timer(aliveTimer, answerTime)
	t.status(wit.ConnectionStateConnecting, "")
}

// hear takes a piece of what the server says, and handles the responses that are complete.
func hear(t *turn, f *wit.Frame) {
	s := &t.State
	data := f.Bytes
	if f.Text != nil {
		data = []byte(*f.Text)
	}
	left := append(s.unread, data...)
	for s.unread = nil; ; {
		r, rest, whole := nextResponse(left)
		if !whole {
			break
		}
		left = rest
		if handle(t, r); s.step == stepOff { // the connection is given up
			return
		}
	}
	s.unread = left
	switch {
	case len(s.unread) <= maxUnread:
	case s.step == stepFetch && len(s.queue) > 0:
		tooMuch(t)
	default:
		t.giveUp(wit.ConnectionStateFailed, "what is at `imap` does not speak IMAP: is the address right?", refusedPause)
	}
}

// tooMuch goes on where a mail is more than can be kept while it comes: without what its parts are, or else without it.
func tooMuch(t *turn) {
	s := &t.State
	if uid := s.queue[0]; s.bare != uid {
		s.bare = uid
	} else {
		t.Host.Warn("mail: a mail cannot be read and is passed over: the server sends more of it than was asked for")
		s.passed(uid)
	}
	t.giveUp(wit.ConnectionStateDisconnected, "", tooMuchPause)
}

// handle acts on one response: a continuation, something untagged, or the end of a command.
func handle(t *turn, r *response) {
	s := &t.State
	switch r.tag {
	case "+":
		if s.step == stepLogin {
			proveIdentity(t)
		}
	case "*":
		untagged(t, r)
	case string(s.step):
		if r.word(0) == "OK" {
			ended[s.step](t, r)
		} else {
			refused(t, r)
		}
	}
}

// untagged takes what the server tells by itself, or before a command ends.
func untagged(t *turn, r *response) {
	s := &t.State
	switch word := r.word(0); {
	case s.step == stepGreeting && word == "OK":
		t.ask(stepCapability, "CAPABILITY")
	case s.step == stepGreeting && word == "PREAUTH":
		selectFolder(t)
	case word == "BYE":
		if t.Out.Status == nil {
			t.status(wit.ConnectionStateDisconnected, "the mail server has ended the connection: "+r.shown())
		}
	case word == "CAPABILITY":
		noteCapabilities(s, r.text)
	case word == "OK":
		if n, ok := r.code("UIDVALIDITY"); ok {
			s.found = n
		}
		if n, ok := r.code("UIDNEXT"); ok {
			s.next = n
		}
	case word == "SEARCH":
		noteFound(s, r.text)
	case r.word(1) == "EXISTS":
		newMail(t)
	case r.word(1) == "FETCH" && s.step == stepFetch:
		fetched(t, r)
	}
}

func noteCapabilities(s *state, text string) {
	for _, word := range strings.Fields(strings.ToUpper(text)) {
		switch word {
		case "IDLE", "STARTTLS", "LOGINDISABLED", "AUTH=" + plainText, "AUTH=" + xoauth2, "AUTH=" + oauthBearer:
			if !s.has(word) {
				s.caps = append(s.caps, word)
			}
		}
	}
}

// noteFound takes the UIDs that a search has found. A range with a star at its end finds the last mail also where that was read.
func noteFound(s *state, text string) {
	for _, word := range strings.Fields(text)[1:] {
		if uid := number(word); uid > s.last && len(s.queue) < maxQueue && !slices.Contains(s.queue, uid) {
			s.queue = append(s.queue, uid)
		}
	}
	slices.Sort(s.queue)
}

// newMail ends an IDLE, so that the mail can be asked for.
func newMail(t *turn) {
	s := &t.State
	s.more = true
	if s.step == stepIdle && !s.done {
		stopIdle(t)
	}
}

func stopIdle(t *turn) {
	t.State.done, t.State.asked = true, t.Now
	t.say("DONE\r\n")
	t.Timer(aliveTimer, answerTime)
}

// ended are what follows the success of each command.
var ended = map[step]func(*turn, *response){
	stepCapability: func(t *turn, _ *response) { logIn(t) },
	stepStartTLS:   func(t *turn, _ *response) { t.Out.Secure = append(t.Out.Secure, connection) },
	stepLogin: func(t *turn, r *response) {
		noteCapabilities(&t.State, strings.NewReplacer("[", " ", "]", " ").Replace(r.text))
		selectFolder(t)
	},
	stepSelect: func(t *turn, _ *response) { selected(t) },
	stepSearch: func(t *turn, _ *response) { next(t) },
	stepFetch: func(t *turn, _ *response) {
		s := &t.State
		if more := s.parts != "" && !s.asking; !more && len(s.queue) > 0 && s.queue[0] > s.last {
			s.passed(s.queue[0]) // it is gone meanwhile
		}
		next(t)
	},
	stepIdle: func(t *turn, _ *response) { search(t) },
}

// logIn encrypts the connection where that can be done, and logs in.
func logIn(t *turn) {
	s, mechanism := &t.State, t.mechanism()
	switch {
	case !s.secured && s.has("STARTTLS"):
		t.ask(stepStartTLS, "STARTTLS")
	case mechanism != "":
		t.ask(stepLogin, "AUTHENTICATE "+mechanism)
	case t.Settings.oauth:
		t.giveUp(wit.ConnectionStateFailed, errNoToken().Error(), refusedPause)
	case s.has("LOGINDISABLED"):
		t.giveUp(wit.ConnectionStateFailed, "the mail server takes no password here: use tls:// in `imap`", refusedPause)
	default:
		s.step, s.asked = stepLogin, t.Now
		line := string(stepLogin) + " LOGIN " + quoted(t.Settings.user) + ` "{{credential:` + password + `}}"` + "\r\n"
		t.Out.Frames = append(t.Out.Frames, wit.Frame{Connection: connection, Text: &line, Fill: true})
		t.Timer(aliveTimer, answerTime)
	}
}

func (t *turn) mechanism() string {
	return t.Settings.mechanism(func(m string) bool { return t.State.has("AUTH=" + m) })
}

// proveIdentity says who the account is, once: what the server asks then is to be told that its refusal was heard.
func proveIdentity(t *turn) {
	mechanism := t.mechanism()
	if t.State.done {
		t.say(yield(mechanism) + "\r\n")
		return
	}
	t.State.done = true
	login := t.Settings.proof(mechanism)
	t.Out.Frames = append(t.Out.Frames, wit.Frame{Connection: connection, Text: &login, Fill: true, Base64: true})
	t.say("\r\n")
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

func selectFolder(t *turn) { t.ask(stepSelect, "SELECT "+quoted(t.Settings.folder)) }

// refused decides what becomes of a command that the server does not do.
func refused(t *turn, r *response) {
	switch t.State.step {
	case stepLogin:
		if _, busy := r.code("UNAVAILABLE"); busy || strings.Contains(r.text, "[UNAVAILABLE]") {
			t.giveUp(wit.ConnectionStateDisconnected, "the mail server cannot check passwords now: it is tried again", answerTime)
			return
		}
		if t.Settings.renews(t.Host, t.Account) {
			t.giveUp(wit.ConnectionStateConnecting, renewed, renewPause)
			return
		}
		t.giveUp(wit.ConnectionStateNeedsLogin, t.Settings.notTaken()+" ("+r.shown()+")", refusedPause)
	case stepSelect:
		t.giveUp(wit.ConnectionStateFailed, "there is no folder "+t.Settings.folder+": see `folder` in the settings ("+r.shown()+")", refusedPause)
	case stepFetch:
		notGiven(t, r)
	case stepIdle:
		t.State.caps = slices.DeleteFunc(t.State.caps, func(c string) bool { return c == "IDLE" })
		rest(t)
	default:
		t.giveUp(wit.ConnectionStateFailed, "the mail server says: "+r.shown(), refusedPause)
	}
}

// notGiven asks for a mail again after a while, and at last passes over it, so that those behind it are read.
func notGiven(t *turn, r *response) {
	s := &t.State
	if len(s.queue) == 0 {
		next(t)
		return
	}
	if uid := s.queue[0]; s.refused != uid {
		s.refused, s.tries = uid, 0
	}
	if s.tries++; s.tries < maxTries {
		t.giveUp(wit.ConnectionStateDisconnected, "the mail server does not give a mail, which is asked for again: "+r.shown(), answerTime)
		return
	}
	t.Host.Warn("mail: a mail cannot be fetched and is passed over: " + r.shown())
	s.passed(s.queue[0])
	next(t)
}

// selected begins where the last connection stopped. The first one begins with the mail that comes from now on. A folder that
// counts anew is read from the day of the last mail on; what has come already is known by its Message-ID.
func selected(t *turn) {
	s := &t.State
	t.status(wit.ConnectionStateConnected, "")
	switch {
	case s.validity == 0:
		s.validity, s.last, s.lastTime, s.began = s.found, max(s.next-1, 0), t.Now, t.Now
	case s.validity != s.found:
		s.validity, s.last, s.reread = s.found, 0, true
		t.ask(stepSearch, "UID SEARCH SINCE "+time.UnixMilli(s.lastTime).UTC().AddDate(0, 0, -1).Format("2-Jan-2006"))
		return
	}
	search(t)
}

func search(t *turn) {
	t.State.more = false
	t.ask(stepSearch, "UID SEARCH UID "+decimal(t.State.last+1)+":*")
}

// next fetches the next mail, or waits for one.
func next(t *turn) {
	s := &t.State
	s.queue = slices.DeleteFunc(s.queue, func(uid int64) bool { return uid <= s.last })
	switch {
	case len(s.queue) > 0:
		t.ask(stepFetch, "UID FETCH "+decimal(s.queue[0])+" (UID INTERNALDATE "+items(s)+")")
	case s.more:
		search(t)
	case s.reread: // more may have come than one search tells
		s.reread = false
		search(t)
	case s.has("IDLE"):
		t.ask(stepIdle, "IDLE")
		t.Timer(aliveTimer, idleTime)
	default:
		rest(t)
	}
}

// items are what is asked of the next mail: its beginning and what its parts are, or the parts that are its text.
func items(s *state) string {
	begin := "RFC822.SIZE BODY.PEEK[]<0." + decimal(letterBytes) + ">"
	if s.parts == "" {
		if s.bare == s.queue[0] {
			return begin
		}
		return begin + " BODYSTRUCTURE"
	}
	s.asking = true
	list := "BODYSTRUCTURE BODY.PEEK[HEADER]<0." + decimal(headBytes) + ">"
	sections := strings.Fields(s.parts)
	for _, section := range sections {
		list += " BODY.PEEK[" + section + "]<0." + decimal(textBytes/int64(len(sections))) + ">"
	}
	return list
}

// rest waits until it is time to look again.
func rest(t *turn) {
	t.State.step = stepResting
	t.Timer(aliveTimer, 0)
	t.Timer(pollTimer, t.Settings.pollSeconds*1000)
}

func wake(t *turn, timer string) {
	s := &t.State
	switch {
	case timer == connectTimer:
		connect(t)
	case timer == pollTimer && s.step == stepResting:
		search(t)
	case timer != aliveTimer || s.step == stepOff || s.step == stepResting:
	case s.step == stepIdle && !s.done:
		stopIdle(t)
	case t.Now-s.asked < answerTime:
		t.Timer(aliveTimer, answerTime)
	default:
		t.Out.Close = append(t.Out.Close, connection)
		connect(t)
		t.status(wit.ConnectionStateDisconnected, "the mail server does not answer: connecting again")
	}
}
