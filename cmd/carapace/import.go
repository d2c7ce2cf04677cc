package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carapace-gateway/carapace/cmd/carapace/translate"
	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/service/session/transfer"
	"github.com/carapace-gateway/carapace/kernel/store/foreign"
)

// Bounds of what is read of another gateway's files: in bytes, and of a piece that is sent.
const (
	importIndex = 64 << 20
	importLine  = 16 << 20
	pieceBytes  = 512 << 10
	pieceCount  = 500
)

// newImport takes over what another gateway has kept.
func newImport(o *options) *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use: "import FOLDER", Short: "Take over the conversations, jobs and settings of a clawdbot, moltbot or OpenClaw gateway", Args: takes("FOLDER"),
		Long: "Takes over the conversations that another gateway has kept below its state directory, such as ~/.clawdbot or ~/.openclaw:\n" +
			"as JSON lines, or in SQLite as OpenClaw does since 2026. The folder is only read. Each conversation comes whole or not at\n" +
			"all; done twice, the command takes what is new. Jobs that people have made come too.\n\n" +
			"Of the settings come providers of models, accounts on chat platforms, who may talk to them, agents, bindings and when\n" +
			"conversations end. Keys and tokens go into the credential store and are never shown. What is set up here already stays;\n" +
			"what has no like here, or would let in more people than there, is named and not taken. Stop the other gateway first:\n" +
			"of two on one account each takes half of the messages.",
		Example: "  carapace import ~/.openclaw --dry-run\n  carapace import ~/.clawdbot",
		RunE:    func(c *cobra.Command, args []string) error { return importState(c.Context(), o, args[0], dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "tell what is there, and take nothing")
	return o.client(c)
}

// imported is what became of one conversation of another gateway, of a job, or of a part of its settings.
type imported struct {
	// Session is a conversation's key; Job a job's name; Setting what is set up here.
	Session string `json:"session,omitempty"`
	Job     string `json:"job,omitempty"`
	Setting string `json:"setting,omitempty"`
	// Messages is how many it has, Taken how many of them are new here.
	Messages int `json:"messages"`
	Taken    int `json:"taken"`
	// Result says what became of it, in words.
	Result string `json:"result"`
}

// abroad is a conversation that another gateway has kept.
type abroad struct {
	key, id, label string
	updated        int64
	// read returns its messages, and how many entries of its history cannot be read.
	read func(ctx context.Context) ([]transfer.ImportedMessage, int, error)
}

// importState takes over what is below a folder, or with dry tells it.
func importState(ctx context.Context, o *options, folder string, dry bool) error {
	found, notes, closing, err := survey(ctx, folder)
	defer closing()
	if err != nil {
		return err
	}
	jobs, err := foreignJobs(ctx, folder)
	if err != nil {
		notes = append(notes, "jobs: "+err.Error())
	}
	plan, err := foreignSettings(folder)
	if err != nil {
		notes, plan = append(notes, "settings: "+err.Error()), &translate.Plan{}
	}
	if len(found) == 0 && len(jobs) == 0 && plan.File == "" {
		return usageError{fmt.Errorf("%s has no conversations: name a state directory, in which agents/main is", folder)}
	}
	var call caller
	if !dry {
		conn, err := o.dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		call = conn.Call
	}
	list, err := importSettings(ctx, call, plan) // conversations and jobs may need its agents
	if err != nil {
		return err
	}
	for _, a := range found {
		one, err := importOne(ctx, call, a)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			one.Result = "not taken: " + err.Error()
		}
		list = append(list, one)
	}
	list = append(list, importJobs(ctx, call, jobs)...)
	for _, left := range plan.Left {
		notes = append(notes, "not taken of "+plan.File+": "+left)
	}
	if o.json {
		return o.printJSON(struct {
			Items []imported `json:"items"`
			Notes []string   `json:"notes"`
		}{append([]imported{}, list...), append([]string{}, notes...)})
	}
	return printImported(o.out, list, notes)
}

func printImported(w io.Writer, list []imported, notes []string) error {
	var rows [][]string
	for _, one := range list {
		messages, taken := "-", "-"
		if one.Session != "" {
			messages, taken = fmt.Sprint(one.Messages), fmt.Sprint(one.Taken)
		}
		rows = append(rows, []string{cmp.Or(one.Session, one.Setting, "job "+one.Job), messages, taken, one.Result})
	}
	if err := listed(w, "WHAT MESSAGES NEW RESULT", rows, "there is nothing in it"); err != nil {
		return err
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	return nil
}

// survey finds the conversations below a state directory, in JSON lines and in SQLite. closing gives back what their reading
// needs; it is never nil.
func survey(ctx context.Context, folder string) (found []abroad, notes []string, closing func(), err error) {
	closing = func() {}
	indexes, err := filepath.Glob(filepath.Join(folder, "agents", "*", "sessions", "sessions.json"))
	if err != nil {
		return nil, nil, closing, err
	}
	for _, index := range indexes {
		in, err := readIndex(index)
		if err != nil {
			return nil, nil, closing, err
		}
		for _, key := range slices.Sorted(maps.Keys(in)) {
			found = append(found, in[key].abroad(filepath.Dir(index), key))
		}
	}
	databases, err := filepath.Glob(filepath.Join(folder, "agents", "*", "agent", "openclaw-agent.sqlite"))
	if err != nil {
		return nil, nil, closing, err
	}
	var open []*foreign.DB
	closing = func() {
		for _, db := range open {
			_ = db.Close() // a copy in the folder for temporary files
		}
	}
	for _, path := range databases {
		db, err := foreign.Open(ctx, path)
		if err == nil {
			open = append(open, db)
			var in []abroad
			in, err = conversationsOf(ctx, db)
			found = append(found, in...)
		}
		if err != nil {
			notes = append(notes, path+": "+err.Error())
		}
	}
	return found, notes, closing, nil
}

// indexed is a conversation in another gateway's index.
type indexed struct {
	SessionID   string  `json:"sessionId"`
	UpdatedAt   float64 `json:"updatedAt"`
	Label       string  `json:"label"`
	DisplayName string  `json:"displayName"`
}

func readIndex(path string) (map[string]indexed, error) {
	text, err := file.Read(path, importIndex)
	if err != nil {
		return nil, err
	}
	found := map[string]indexed{}
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("%s is no list of sessions: %w", path, err)
	}
	return found, nil
}

// caller makes a call of the gateway.
type caller func(ctx context.Context, method string, params, out any) error

// abroad is the conversation, with its transcript in a folder.
func (f indexed) abroad(folder, key string) abroad {
	return abroad{key: key, id: f.SessionID, label: cmp.Or(f.Label, f.DisplayName), updated: int64(f.UpdatedAt), read: func(context.Context) ([]transfer.ImportedMessage, int, error) {
		if f.SessionID == "" || filepath.Base(f.SessionID) != f.SessionID {
			return nil, 0, errors.New("it has no history")
		}
		transcript, err := file.Open(filepath.Join(folder, f.SessionID+".jsonl"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, errors.New("its history is not there, " + f.SessionID + ".jsonl")
		}
		if err != nil {
			return nil, 0, err
		}
		defer transcript.Close()
		return readTranscript(transcript)
	}}
}

// importOne sends a conversation piece by piece, or without call tells what it is.
func importOne(ctx context.Context, call caller, a abroad) (one imported, err error) {
	one.Session = a.key
	messages, skipped, err := a.read(ctx)
	if err != nil {
		return one, err
	}
	if one.Messages = len(messages); call == nil {
		one.Result = unread("would be taken", skipped)
		return one, nil
	}
	p := transfer.ImportParams{Key: a.key, SessionID: a.id, Label: a.label, UpdatedAt: a.updated}
	var got transfer.ImportResult
	for range len(messages) + 2 { // each piece has a message, and the first and the last may have none that is new
		p.Messages = piece(messages[p.After:])
		sent := p.After + uint64(len(p.Messages))
		p.More = sent < uint64(len(messages))
		if err := call(ctx, "sessions.import", p, &got); err != nil {
			return one, err
		}
		one.Taken += got.Taken
		if got.Continued || got.Messages > uint64(len(messages)) || got.Messages == sent && !p.More {
			break
		}
		p.After = got.Messages
	}
	one.Result = outcome(got, one.Taken, skipped)
	return one, nil
}

// outcome says what became of a conversation.
func outcome(got transfer.ImportResult, taken, skipped int) string {
	var says []string
	switch {
	case taken == 0 && got.Continued:
		says = append(says, "it goes on here already")
	case taken == 0:
		says = append(says, "it was here already")
	case got.Earlier:
		says = append(says, "an earlier history of a conversation here: carapace sessions export --id "+got.SessionID)
	default:
		says = append(says, "taken")
	}
	return unread(strings.Join(says, "; "), skipped)
}

// unread adds how much of a history could not be read.
func unread(says string, skipped int) string {
	if skipped > 0 {
		says += fmt.Sprintf("; %d lines could not be read", skipped)
	}
	return says
}

// piece is as much of the messages as is sent at once, and at least one.
func piece(messages []transfer.ImportedMessage) []transfer.ImportedMessage {
	size := 0
	for i, m := range messages {
		size += len(m.Text) + 200
		for _, c := range m.ToolCalls {
			size += len(c.Args) + 100
		}
		if i > 0 && (size > pieceBytes || i == pieceCount) {
			return messages[:i]
		}
	}
	return messages
}

// transcriptLine is a line of a transcript, of which only messages are taken.
type transcriptLine struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Message   *struct {
		Role       string          `json:"role"`
		Content    json.RawMessage `json:"content"`
		Timestamp  float64         `json:"timestamp"`
		Provider   string          `json:"provider"`
		Model      string          `json:"model"`
		ToolCallID string          `json:"toolCallId"`
		ToolName   string          `json:"toolName"`
		IsError    bool            `json:"isError"`
	} `json:"message"`
}

// readTranscript reads the messages of a transcript, and how many of its lines are none that can be read.
func readTranscript(r io.Reader) (messages []transfer.ImportedMessage, skipped int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, importLine)
	for lines.Scan() {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		if m, ok := readLine(lines.Bytes()); !ok {
			skipped++
		} else if m.Role != "" {
			messages = append(messages, m)
		}
	}
	return messages, skipped, lines.Err()
}

// readLine is the message of a line, without a role where the line is none; ok is false for a line that cannot be read.
func readLine(text []byte) (m transfer.ImportedMessage, ok bool) {
	var line transcriptLine
	if json.Unmarshal(text, &line) != nil {
		return m, false
	}
	if line.Type != "message" || line.Message == nil {
		return m, true
	}
	return line.read()
}

// read is the line's message; ok is false for one that there is no place for here.
func (l transcriptLine) read() (m transfer.ImportedMessage, ok bool) {
	from := l.Message
	m = transfer.ImportedMessage{
		Role: from.Role, Timestamp: int64(from.Timestamp), Provider: from.Provider, Model: from.Model,
		ToolCallID: from.ToolCallID, Tool: from.ToolName, Failed: from.IsError,
	}
	if when, err := time.Parse(time.RFC3339, l.Timestamp); err == nil && m.Timestamp == 0 {
		m.Timestamp = when.UnixMilli()
	}
	if from.Role == "toolResult" {
		m.Role = "tool"
	}
	if !slices.Contains([]string{"user", "assistant", "tool", "system"}, m.Role) {
		return m, false
	}
	if json.Unmarshal(from.Content, &m.Text) == nil {
		return m, true
	}
	var parts []struct {
		Type, Text, ID, Name string
		Arguments            json.RawMessage
	}
	if json.Unmarshal(from.Content, &parts) != nil {
		return m, false
	}
	var texts []string
	for _, p := range parts {
		switch p.Type {
		case "text":
			texts = append(texts, p.Text)
		case "image":
			texts = append(texts, "[a picture]")
		case "toolCall":
			m.ToolCalls = append(m.ToolCalls, transfer.ImportedCall{ID: p.ID, Name: p.Name, Args: p.Arguments})
		}
	}
	m.Text = strings.Join(texts, "\n")
	return m, true
}
