package crash

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// Report is what became of the messages.
type Report struct {
	Channel                 string
	Messages, People, Kills int
	Once, Lost              int
	// Window counts messages that were answered once more because a kill came between the send and its
	// record; Doubled those for which that is no excuse.
	Window, Doubled int
	// Gone counts messages that were lost because the platform tells of each once, and did so shortly before a kill, or while nobody was
	// there.
	Gone int
	// Begun counts messages that show the beginning of an answer, or the tool that is at work, and stayed beside the answer: a kill came
	// between the send and its record, and the platform does not know a repeated send.
	Begun int
	// Wrong are messages of the bot that answer nothing that was asked.
	Wrong []string
	// Disordered counts answers that came in another order than the questions of the same person.
	Disordered int
	Disorders  bool // the platform may tell of messages in another order
	// Troubles says what the server did.
	Troubles string
	// Gap is the longest time between a send and the kill that made it happen again.
	Gap time.Duration
	// Restarts are the times from a start until the account receives, sorted.
	Restarts []time.Duration
	Took     time.Duration
	Seed     uint64
	// Log is the gateway's, kept when something went wrong.
	Log string
}

// OK reports whether the gateway kept its promise: order only where the platform does.
func (r *Report) OK() bool {
	ordered := r.Disordered == 0 || r.Disorders
	return r.Messages > 0 && r.Once+r.Window+r.Gone == r.Messages && r.Lost == 0 && r.Doubled == 0 && len(r.Wrong) == 0 && ordered
}

// evidence is what a verdict is made from.
type evidence struct {
	*channeltest.Tally
	lives     []life
	window    time.Duration
	tellsOnce bool
	knows     bool // a send that comes again
}

// evidence is what there is so far.
func (r *run) evidence() evidence {
	told := channeltest.ToldBy(r.platform)
	account := r.platform.Account()
	return evidence{r.oracle.Count(r.platform.Heard(), told...), r.gateway.history(), r.Window, account.TellsOnce, account.Deduplicates}
}

// judge makes the report of a run that has ended.
func (r *run) judge(took time.Duration) *Report {
	out := r.evidence().verdict()
	out.Disorders = r.platform.Account().Disorders
	out.Channel, out.People, out.Kills, out.Seed, out.Took = r.Channel, r.People, r.Kills, r.Seed, took
	if teller, ok := r.platform.(interface{ Troubles() string }); ok {
		out.Troubles = teller.Troubles()
	}
	return out
}

// verdict counts what became of each question.
func (e evidence) verdict() *Report {
	out := &Report{Messages: e.Asked, Disordered: e.Disordered}
	for _, h := range e.Unfinished {
		if _, excused := e.killedAfter(h.At); excused && !e.knows {
			e.Forgive(h)
			out.Begun++
		}
	}
	out.Wrong = e.Wrong
	for _, n := range e.Lost {
		if e.gone(e.Told[n]) {
			out.Gone++
		} else {
			out.Lost++
		}
	}
	for _, list := range e.Answers {
		if len(list) == 1 {
			out.Once++
			continue
		}
		gap, excused := e.excuse(list)
		if excused {
			out.Window++
			out.Gap = max(out.Gap, gap)
		} else {
			out.Doubled++
		}
	}
	for i, l := range e.lives {
		if i > 0 && !l.ready.IsZero() {
			out.Restarts = append(out.Restarts, l.ready.Sub(l.start))
		}
	}
	slices.Sort(out.Restarts)
	return out
}

// excuse reports whether each send but the last was shortly before the kill of the process that made
// it, and how shortly at most.
func (e evidence) excuse(list []channeltest.Heard) (gap time.Duration, ok bool) {
	for i, sent := range list[:len(list)-1] {
		end, excused := e.killedAfter(sent.At)
		if !excused || !list[i+1].At.After(end) {
			return 0, false
		}
		gap = max(gap, end.Sub(sent.At))
	}
	return gap, true
}

// killedAfter is when the process was killed that made a send, false where that was not shortly after it.
func (e evidence) killedAfter(sent time.Time) (end time.Time, shortly bool) {
	at := slices.IndexFunc(e.lives, func(l life) bool {
		return !sent.Before(l.start) && !l.end.IsZero() && sent.Before(l.end)
	})
	if at < 0 {
		return end, false
	}
	end = e.lives[at].end
	return end, end.Sub(sent) <= e.window
}

// gone reports whether a message that the platform tells once was told last shortly before a kill, or before the next process
// received.
func (e evidence) gone(told []channeltest.Told) bool {
	if !e.tellsOnce || len(told) == 0 {
		return false
	}
	at := told[len(told)-1].At
	return slices.ContainsFunc(e.lives, func(l life) bool {
		next := slices.IndexFunc(e.lives, func(later life) bool { return !later.ready.IsZero() && later.ready.After(l.end) })
		return !l.end.IsZero() && at.After(l.end.Add(-e.window)) && (next < 0 || at.Before(e.lives[next].ready))
	})
}

// Markdown writes the report as a table.
func (r *Report) Markdown(w io.Writer) {
	row := func(what string, value any) { fmt.Fprintf(w, "| %s | %v |\n", what, value) }
	row("messages", fmt.Sprintf("%d from %d people, %s", r.Messages, r.People, r.Channel))
	fmt.Fprintln(w, "|---|---|")
	row("kill -9", r.Kills)
	row("**answered exactly once**", r.Once)
	row("**lost**", r.Lost)
	if r.Gone > 0 {
		row("gone, since the platform tells of each message once", r.Gone)
	}
	row("answered twice, in the send window", r.window())
	row("**answered twice, otherwise**", r.Doubled)
	if r.Begun > 0 {
		row("beginnings of answers that stayed, in the send window", r.Begun)
	}
	row("wrong answers", len(r.Wrong))
	row("answers out of order", r.Disordered)
	if r.Troubles != "" {
		row("what the platform did", r.Troubles)
	}
	if n := len(r.Restarts); n > 0 {
		row("start to receiving, median and worst", fmt.Sprintf("%d ms, %d ms", r.Restarts[n/2].Milliseconds(), r.Restarts[n-1].Milliseconds()))
	}
	row("time", r.Took.Round(100*time.Millisecond))
	row("seed", r.Seed)
	for _, wrong := range r.Wrong[:min(len(r.Wrong), 10)] {
		fmt.Fprintln(w, "\nwrong:", wrong)
	}
	if r.Log != "" {
		fmt.Fprintln(w, "\nthe gateway's log is", r.Log)
	}
}

// window writes how many messages were sent again, and why that is excused.
func (r *Report) window() string {
	if r.Window == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (killed at most %d ms after the send)", r.Window, r.Gap.Milliseconds())
}
