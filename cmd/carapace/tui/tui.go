// Package tui is the terminal's chat: what was said above, a line to write on below. It shows answers
// as they stream, tools as they run, and the state of the connection; the conversation itself is
// package talk's.
package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/textarea"
	"github.com/charmbracelet/bubbles/viewport"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	_ "github.com/carapace-gateway/carapace/cmd/carapace/tui/dark" // before bubbletea asks the terminal
	"github.com/carapace-gateway/carapace/kernel/plain"
)

// help names the keys that key knows, and hint those without which nobody finds the others.
const (
	help = "enter sends · alt+enter begins a new line · ↑↓ what you wrote before · esc stops the answer · pgup and pgdown scroll; /help shows this, /quit leaves"
	hint = "/help · /quit · enter sends · esc stops the answer"
)

// indent is how far what was said stands from the edge, so that no line of it looks like another's.
const indent = 5

var (
	userStyle  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("12"))
	agentStyle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("10"))
	toolStyle  = lipgloss.NewStyle().Faint(true)
	errorStyle = lipgloss.NewStyle().Foreground(lipgloss.Color("9"))
	faintStyle = lipgloss.NewStyle().Faint(true)
)

// Run shows the chat until the user leaves or ctx ends; the end of ctx is no error. conversation.Run is the caller's
// to start, and Run is the only reader of its updates.
func Run(ctx context.Context, conversation *talk.Conversation, session string) error {
	_, err := tea.NewProgram(newModel(ctx, conversation, session), tea.WithContext(ctx), tea.WithAltScreen()).Run()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// model is the screen's state; bubbletea owns it and calls it from one goroutine.
type model struct {
	ctx     context.Context
	talk    *talk.Conversation
	session string
	input   textarea.Model
	view    viewport.Model
	said    []entry // from top to bottom
	status  string
	waiting map[string]bool // the runs of what was written here, until they end
	wrote   history
	beat    int // counts while something is going on
}

// beaten is one beat of what shows that something is going on.
type beaten struct{}

const beatEvery = 200 * time.Millisecond

func beat() tea.Cmd { return tea.Tick(beatEvery, func(time.Time) tea.Msg { return beaten{} }) }

// entry is one block of the screen.
type entry struct {
	role string // user, assistant, tool, error
	run  string // which it belongs to
	text string
	tool string // the call's id
}

// ended tells that no update follows: the conversation is over.
type ended struct{}

// newModel makes the screen of a conversation that is not connected yet.
func newModel(ctx context.Context, conversation *talk.Conversation, session string) *model {
	input := textarea.New()
	input.Placeholder = "Say something"
	input.ShowLineNumbers = false
	input.SetHeight(2)
	input.KeyMap.InsertNewline.SetKeys("alt+enter")
	input.Focus()
	return &model{
		ctx: ctx, talk: conversation, session: session, input: input, view: viewport.New(80, 20), status: "connecting…",
		waiting: map[string]bool{},
	}
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return tea.Batch(textarea.Blink, m.next) }

// next waits for what happens in the conversation. Each update asks for the following one, so they stay in order.
func (m *model) next() tea.Msg {
	u, ok := <-m.talk.Updates()
	if !ok {
		return ended{}
	}
	return u
}

// Update implements tea.Model. Keys go to the input, all else also to the history, which scrolls by it.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case ended:
		return m, tea.Quit
	case beaten:
		if m.beat++; len(m.waiting) > 0 {
			return m, beat()
		}
		return m, nil
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case talk.Update:
		m.take(msg)
		m.show()
		return m, m.next
	case tea.KeyMsg:
		if cmd, done := m.key(msg); done {
			return m, cmd
		}
		return m, m.typeIn(msg)
	}
	var typed, scrolled tea.Cmd
	m.input, typed = m.input.Update(msg)
	if _, isKey := msg.(tea.KeyMsg); !isKey {
		m.view, scrolled = m.view.Update(msg)
	}
	return m, tea.Batch(typed, scrolled)
}

// typeIn gives the input a key. Several letters that come at once are a text, also when the text is a key's name.
func (m *model) typeIn(k tea.KeyMsg) (cmd tea.Cmd) {
	if k.Type == tea.KeyRunes && len(k.Runes) > 1 {
		k.Paste = true
	}
	m.input, cmd = m.input.Update(k)
	return cmd
}

// key handles the keys that are not text; done says that nothing is left to do. Keys are told by their type: a text may
// read like a key's name.
func (m *model) key(k tea.KeyMsg) (cmd tea.Cmd, done bool) {
	switch {
	case k.Type == tea.KeyCtrlC, k.Type == tea.KeyCtrlD:
		return tea.Quit, true
	case k.Type == tea.KeyPgUp, k.Type == tea.KeyPgDown:
		m.view, cmd = m.view.Update(k)
		return cmd, true
	case k.Type == tea.KeyUp && m.input.Line() == 0:
		return nil, m.recall(-1)
	case k.Type == tea.KeyDown && m.input.Line() == m.input.LineCount()-1:
		return nil, m.recall(1)
	case k.Type == tea.KeyEsc:
		return func() tea.Msg { _ = m.talk.Abort(m.ctx); return nil }, true // the run's end tells how it went
	case k.Type == tea.KeyEnter && !k.Alt:
		return m.enter(strings.TrimSpace(m.input.Value())), true
	}
	return nil, false
}

// recall puts what was written before, or after, into the input.
func (m *model) recall(by int) bool {
	line, ok := m.wrote.move(by, m.input.Value())
	if ok {
		m.input.SetValue(line)
	}
	return ok
}

// enter does with a line what it says: most are sent.
func (m *model) enter(text string) tea.Cmd {
	if text == "" {
		return nil
	}
	m.input.Reset()
	m.wrote.add(text)
	switch text {
	case "/quit", "/exit":
		return tea.Quit
	case "/help":
		m.said = append(m.said, entry{role: "tool", text: help + "; the assistant's own commands follow"})
	}
	key := talk.NewKey()
	m.said = append(m.said, entry{role: "user", run: key, text: text})
	m.waiting[key] = true
	m.show()
	send := func() tea.Msg { m.talk.Send(m.ctx, key, text); return nil }
	if len(m.waiting) > 1 {
		return send // it beats already
	}
	return tea.Batch(send, beat())
}

// take shows what happened. A run that was sent from elsewhere is shown too: the conversation is one.
func (m *model) take(u talk.Update) {
	switch u.Kind {
	case talk.Connected:
		m.status = "connected to carapace " + u.Text
	case talk.Disconnected:
		m.status = "the gateway is away; what you write is kept and sent when it is back"
	case talk.History:
		m.restore(u.Messages)
	case talk.Delta:
		m.answer(u.Run).text = u.Text
	case talk.ToolStart:
		m.said = append(m.said, entry{role: "tool", run: u.Run, tool: u.Tool.ID, text: u.Tool.Name + " " + u.Tool.Args})
	case talk.ToolEnd:
		m.toolEnded(u)
	case talk.Final, talk.Aborted:
		m.finish(u)
	case talk.Failed:
		m.said = append(m.said, entry{role: "error", run: u.Run, text: u.Err.Error()})
		delete(m.waiting, u.Run)
	}
}

// restore shows the history, and after it what was written here and is not in it yet, and the errors, which no history
// has. Messages are told apart by their runs: a text may be said twice.
func (m *model) restore(history []talk.Message) {
	known := map[string]bool{}
	var said []entry
	for _, h := range history {
		if h.Role == "user" || h.Role == "assistant" {
			said = append(said, entry{role: h.Role, run: h.Run, text: h.Text})
			known[h.Run] = true
		}
	}
	var waiting, failed []entry
	for _, e := range m.said {
		switch {
		case e.role == "error":
			failed = append(failed, e)
		case e.role == "user" && m.waiting[e.run] && !known[e.run]:
			waiting = append(waiting, e)
		}
	}
	m.said = slices.Concat(said, waiting, failed)
}

// finish shows the end of an answer. An end without text leaves what was shown: the deltas, or the history.
func (m *model) finish(u talk.Update) {
	a := m.answer(u.Run)
	if u.Text != "" {
		a.text = u.Text
	}
	if u.Kind == talk.Aborted {
		a.text = strings.TrimSpace(a.text + " (stopped)")
	}
	delete(m.waiting, u.Run)
}

// answer is the block of a run's answer, made where there is none. After a reconnect the history brought it, so an
// answer that ended meanwhile is not shown twice.
func (m *model) answer(run string) *entry {
	for i := len(m.said) - 1; i >= 0; i-- {
		if m.said[i].run == run && m.said[i].role == "assistant" {
			return &m.said[i]
		}
	}
	m.said = append(m.said, entry{role: "assistant", run: run})
	return &m.said[len(m.said)-1]
}

// toolEnded adds a tool's result to the line of its call.
func (m *model) toolEnded(u talk.Update) {
	mark := " → "
	if u.Tool.Failed {
		mark = " ✗ "
	}
	for i := range m.said {
		if m.said[i].tool == u.Tool.ID && m.said[i].run == u.Run {
			m.said[i].text += mark + u.Tool.Result
			return
		}
	}
}

// resize gives the history what the input and three lines of text leave.
func (m *model) resize(width, height int) {
	m.input.SetWidth(width)
	m.view.Width, m.view.Height = width, max(1, height-m.input.Height()-3)
	m.show()
}

// show renders what was said and keeps its end in sight.
func (m *model) show() {
	width := max(20, m.view.Width-2)
	var blocks []string
	for _, e := range m.said {
		blocks = append(blocks, e.render(width))
	}
	m.view.SetContent(strings.Join(blocks, "\n"))
	m.view.GotoBottom()
}

// render is the block with its label and colours. Only the label stands at the edge.
func (e entry) render(width int) string {
	label, text := "", plain.Text(e.text)
	switch e.role {
	case "user":
		label = userStyle.Render("you")
	case "tool":
		text = toolStyle.Render("⚙ " + text)
	case "error":
		text = errorStyle.Render(text)
	default:
		label, text = agentStyle.Render("bot"), markdown(text)
	}
	return lipgloss.JoinHorizontal(lipgloss.Top, lipgloss.NewStyle().Width(indent).Render(label), lipgloss.NewStyle().Width(width-indent).Render(text))
}

// View implements tea.Model: the history, the state, the input, the keys.
func (m *model) View() string {
	state := m.status
	if n := len(m.waiting); n > 0 {
		state += fmt.Sprintf(" · %d waiting %s", n, strings.Repeat("·", 1+m.beat%3))
	}
	return m.view.View() + "\n" + faintStyle.Render(plain.Line(m.session+" · "+state)) + "\n" + m.input.View() + "\n" + faintStyle.Render(hint)
}
