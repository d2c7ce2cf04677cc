package agent

import (
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// Watch is an Observer that lets some look on while one run's answer is written, beside the observer of all runs. It is
// safe for concurrent use.
type Watch struct {
	Observer

	mu sync.Mutex
	by map[string]*Onlooker
}

// NewWatch returns a watch that tells o of all runs.
func NewWatch(o Observer) *Watch { return &Watch{Observer: o, by: map[string]*Onlooker{}} }

// Onlooker reads what one run writes. What was not read yet is kept, within the bounds of answers.
type Onlooker struct {
	news chan struct{} // holds one while there is something to read

	mu    sync.Mutex
	text  strings.Builder
	wrote bool // something of this message
	apart bool // what comes next begins a message, and is set apart
}

// Follow lets the onlooker of a run read what is written of it from now on, until leave is called. A run has one
// onlooker, the last one that follows it.
func (w *Watch) Follow(id string) (o *Onlooker, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o = &Onlooker{news: make(chan struct{}, 1)}
	w.by[id] = o
	return o, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.by[id] == o {
			delete(w.by, id)
		}
	}
}

// Begin implements Observer.
func (w *Watch) Begin(r run.Run, verbose bool) Reporter {
	reporter := w.Observer.Begin(r, verbose)
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.by[r.ID]; o != nil {
		return watched{reporter, o}
	}
	return reporter
}

// watched tells an onlooker too.
type watched struct {
	Reporter
	by *Onlooker
}

// Message implements Reporter.
func (w watched) Message() {
	w.by.next()
	w.Reporter.Message()
}

// Delta implements Reporter.
func (w watched) Delta(d wit.Delta) {
	if d.Kind == wit.DeltaKindText {
		w.by.add(d.Text)
	}
	w.Reporter.Delta(d)
}

// News is sent to when there is something to read.
func (o *Onlooker) News() <-chan struct{} { return o.news }

// Read returns what was written since the last call. Messages of one run, such as those beside its tool calls, are set
// apart by an empty line.
func (o *Onlooker) Read() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.String()
	o.text.Reset()
	return text
}

// next says that another message begins.
func (o *Onlooker) next() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.apart = o.apart || o.wrote
	o.wrote = false
}

func (o *Onlooker) add(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.apart {
		o.text.WriteString("\n\n")
		o.apart = false
	}
	o.text.WriteString(text)
	o.wrote = o.wrote || text != ""
	select {
	case o.news <- struct{}{}:
	default:
	}
}
