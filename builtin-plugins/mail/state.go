package mail

import (
	"encoding/base64"
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// step is what the server was asked last: the tag of the command that it is to answer.
type step string

const (
	stepOff        step = ""
	stepGreeting   step = "greeting"
	stepCapability step = "capability"
	stepStartTLS   step = "starttls"
	stepLogin      step = "login"
	stepSelect     step = "select"
	stepSearch     step = "search"
	stepFetch      step = "fetch"
	stepIdle       step = "idle"
	stepResting    step = "resting" // nothing was asked; a timer goes on
)

// Bounds of what the state keeps, which has room in what the kernel takes.
const (
	maxUnread      = 36 << 10 // bytes: a letter's beginning with what its parts are, and what stands around that
	maxQueue       = 200
	maxThreads     = 40
	maxThreadBytes = 10 << 10 // of all of them, as they are stored
)

// state is what an account carries from event to event. The kernel stores it with the messages that belong to it.
type state struct {
	step    step
	secured bool
	asked   int64    // when, in milliseconds since 1970
	caps    []string // of the server: of those that matter here
	more    bool     // the server has told of new mail while it was asked for something else
	done    bool     // DONE was said, or who the account is

	validity int64  // UIDVALIDITY of the folder
	last     int64  // UID of the last mail that was read
	lastTime int64  // when that had come, in milliseconds since 1970
	began    int64  // when the account read its folder for the first time; what was there before is nobody's question
	reread   bool   // the folder counts anew, and is read again
	next     int64  // UIDNEXT, as SELECT says
	found    int64  // UIDVALIDITY, as SELECT says
	parts    string // the sections of the mail that is read which are its text, and had not come with its beginning
	asking   bool   // they were asked for
	bare     int64  // UID of a mail of which it is not asked what its parts are: that was too much
	refused  int64  // UID of a mail that the server did not give
	tries    int64  // how often
	queue    []int64
	unread   []byte // what has come and is not a whole response yet
	threads  []thread
}

// thread is a conversation by mail, the last ones of all.
type thread struct {
	root    string // Message-ID of the first mail
	from    string // whose it is: anybody may name anybody's Message-ID
	last    string // Message-ID of the last one
	subject string
	replyTo string   // where its answers go, instead of to whom it is from
	cc      []string // who has the mail besides
}

func (s *state) has(capability string) bool { return slices.Contains(s.caps, capability) }

// passed counts a mail as read.
func (s *state) passed(uid int64) {
	s.last = max(s.last, uid)
	s.parts, s.asking, s.bare, s.refused, s.tries = "", false, 0, 0, 0
}

// thread finds one by its root and by whom it is with.
func (s *state) thread(root, from string) *thread {
	for i := range s.threads {
		if t := &s.threads[i]; t.root == root && (t.from == from || t.from == "") {
			return t
		}
	}
	return nil
}

// note remembers the last mail of a thread.
func (s *state) note(t thread) {
	s.threads = slices.DeleteFunc(s.threads, func(old thread) bool { return old.root == t.root && old.from == t.from })
	s.threads = append(s.threads, t)
	s.threads = s.threads[max(len(s.threads)-maxThreads, 0):]
	size := 0
	for i := len(s.threads) - 1; i >= 0; i-- {
		if size += len(s.threads[i].json()) + 1; size > maxThreadBytes {
			s.threads = s.threads[i+1:]
			return
		}
	}
}

// json is a thread as it is stored.
func (t *thread) json() wit.JSON {
	o := json.Object{}.Text("root", t.root).Text("last", t.last).Text("subject", t.subject)
	if t.from != "" {
		o = o.Text("from", t.from)
	}
	if t.replyTo != "" {
		o = o.Text("replyTo", t.replyTo)
	}
	if len(t.cc) > 0 {
		o = o.Array("cc", func(a json.Array) json.Array {
			for _, c := range t.cc {
				a = a.Add(json.Text(c))
			}
			return a
		})
	}
	return o.JSON()
}

func readThread(v json.Value) thread {
	t := thread{root: v.Get("root").Text(), last: v.Get("last").Text(), subject: v.Get("subject").Text(), from: v.Get("from").Text(), replyTo: v.Get("replyTo").Text()}
	t.cc = v.Get("cc").Texts()
	return t
}

// readState reads what an earlier answer left, or nothing at an account's first start.
func readState(data wit.JSON) (state, error) {
	if len(data) == 0 {
		return state{}, nil
	}
	v, err := json.Parse(data)
	if err != nil {
		return state{}, err
	}
	s := state{
		step: step(v.Get("step").Text()), secured: v.Get("secured").Bool(), asked: v.Get("asked").Int(), more: v.Get("more").Bool(), done: v.Get("done").Bool(),
		validity: v.Get("validity").Int(), last: v.Get("last").Int(), lastTime: v.Get("lastTime").Int(),
		began: v.Get("began").Int(), reread: v.Get("reread").Bool(),
		next: v.Get("next").Int(), found: v.Get("found").Int(), parts: v.Get("parts").Text(), asking: v.Get("asking").Bool(),
		bare: v.Get("bare").Int(), refused: v.Get("refused").Int(), tries: v.Get("tries").Int(),
	}
	s.caps = v.Get("caps").Texts()
	for uid := range v.Get("queue").Items() {
		s.queue = append(s.queue, uid.Int())
	}
	for t := range v.Get("threads").Items() {
		s.threads = append(s.threads, readThread(t))
	}
	s.unread, _ = base64.StdEncoding.DecodeString(v.Get("unread").Text())
	return s, nil
}

// json returns the state as it is stored.
func (s *state) json() wit.JSON {
	o := json.Object{}.Text("step", string(s.step)).Int("asked", s.asked).Int("validity", s.validity).Int("last", s.last).
		Int("lastTime", s.lastTime).Int("began", s.began).Int("next", s.next).Int("found", s.found)
	for _, f := range []struct {
		name string
		is   bool
	}{{"secured", s.secured}, {"more", s.more}, {"done", s.done}, {"reread", s.reread}, {"asking", s.asking}} {
		if f.is {
			o = o.Bool(f.name, true)
		}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{{"bare", s.bare}, {"refused", s.refused}, {"tries", s.tries}} {
		if f.value != 0 {
			o = o.Int(f.name, f.value)
		}
	}
	if s.parts != "" {
		o = o.Text("parts", s.parts)
	}
	if len(s.caps) > 0 {
		o = o.Array("caps", func(a json.Array) json.Array {
			for _, c := range s.caps {
				a = a.Add(json.Text(c))
			}
			return a
		})
	}
	if len(s.queue) > 0 {
		o = o.Array("queue", func(a json.Array) json.Array {
			for _, uid := range s.queue {
				a = a.Add(wit.JSON(decimal(uid)))
			}
			return a
		})
	}
	if len(s.threads) > 0 {
		o = o.Array("threads", func(a json.Array) json.Array {
			for _, t := range s.threads {
				a = a.Add(t.json())
			}
			return a
		})
	}
	if len(s.unread) > 0 {
		o = o.Text("unread", base64.StdEncoding.EncodeToString(s.unread))
	}
	return o.JSON()
}
