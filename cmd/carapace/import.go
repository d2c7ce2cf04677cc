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

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/service/session"
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
	return o.client(&cobra.Command{
		Use: "import FOLDER", Short: "Take over the conversations of a clawdbot, moltbot or OpenClaw gateway", Args: takes("FOLDER"),
		Long: "Takes over the conversations that another gateway has kept as JSON lines below its state directory, such as\n" +
			"~/.clawdbot. The folder is only read. Done twice, it takes what is new. Settings, credentials and jobs stay where\n" +
			"they are, and so does what newer gateways keep in SQLite.",
		Example: "  carapace import ~/.clawdbot",
		RunE:    func(c *cobra.Command, args []string) error { return importState(c.Context(), o, args[0]) },
	})
}

// imported is what became of one conversation of another gateway.
type imported struct {
	Session string `json:"session"`
	// Messages is how many it has, Taken how many of them are new here.
	Messages int `json:"messages"`
	Taken    int `json:"taken"`
	// Result says what became of it, in words.
	Result string `json:"result"`
}

func importState(ctx context.Context, o *options, folder string) error {
	indexes, err := filepath.Glob(filepath.Join(folder, "agents", "*", "sessions", "sessions.json"))
	if err != nil || len(indexes) == 0 {
		return usageError{fmt.Errorf("%s has no conversations: name a state directory, in which agents/main/sessions/sessions.json is", folder)}
	}
	conn, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	list := []imported{}
	for _, index := range indexes {
		found, err := readIndex(index)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(found)) {
			one, err := importOne(ctx, conn.Call, filepath.Dir(index), key, found[key])
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				one.Result = "not taken: " + err.Error()
			}
			list = append(list, one)
		}
	}
	if o.json {
		return o.printJSON(list)
	}
	return printImported(o.out, list)
}

func printImported(w io.Writer, list []imported) error {
	var rows [][]string
	for _, one := range list {
		rows = append(rows, []string{one.Session, fmt.Sprint(one.Messages), fmt.Sprint(one.Taken), one.Result})
	}
	return listed(w, "SESSION MESSAGES NEW RESULT", rows, "there is no conversation in it")
}

// foreign is a conversation in another gateway's index.
type foreign struct {
	SessionID   string  `json:"sessionId"`
	UpdatedAt   float64 `json:"updatedAt"`
	Label       string  `json:"label"`
	DisplayName string  `json:"displayName"`
}

func readIndex(path string) (map[string]foreign, error) {
	text, err := file.Read(path, importIndex)
	if err != nil {
		return nil, err
	}
	found := map[string]foreign{}
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("%s is no list of sessions: %w", path, err)
	}
	return found, nil
}

// caller makes a call of the gateway.
type caller func(ctx context.Context, method string, params, out any) error

// importOne sends a conversation piece by piece.
func importOne(ctx context.Context, call caller, folder, key string, f foreign) (one imported, err error) {
	one.Session = key
	if f.SessionID == "" || filepath.Base(f.SessionID) != f.SessionID {
		return one, errors.New("it has no history")
	}
	transcript, err := file.Open(filepath.Join(folder, f.SessionID+".jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return one, errors.New("its history is not there, " + f.SessionID + ".jsonl")
	}
	if err != nil {
		return one, err
	}
	defer transcript.Close()
	messages, skipped, err := readTranscript(transcript)
	if err != nil {
		return one, err
	}
	one.Messages = len(messages)
	p := session.ImportParams{Key: key, SessionID: f.SessionID, Label: cmp.Or(f.Label, f.DisplayName), UpdatedAt: int64(f.UpdatedAt)}
	var got session.ImportResult
	for first := true; first || int(p.After) < len(messages); first = false {
		p.Messages = piece(messages[p.After:])
		if err := call(ctx, "sessions.import", p, &got); err != nil {
			return one, err
		}
		one.Taken += got.Taken
		if got.Continued || got.Messages <= p.After {
			break
		}
		p.After = min(got.Messages, uint64(len(messages)))
	}
	one.Result = outcome(got, one.Taken, skipped)
	return one, nil
}

// outcome says what became of a conversation.
func outcome(got session.ImportResult, taken, skipped int) string {
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
	if skipped > 0 {
		says = append(says, fmt.Sprintf("%d lines could not be read", skipped))
	}
	return strings.Join(says, "; ")
}

// piece is as much of the messages as is sent at once, and at least one.
func piece(messages []session.ImportedMessage) []session.ImportedMessage {
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
func readTranscript(r io.Reader) (messages []session.ImportedMessage, skipped int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, importLine)
	for lines.Scan() {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var line transcriptLine
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			skipped++
			continue
		}
		if line.Type != "message" || line.Message == nil {
			continue
		}
		m, ok := line.read()
		if !ok {
			skipped++
			continue
		}
		messages = append(messages, m)
	}
	return messages, skipped, lines.Err()
}

// read is the line's message; ok is false for one that there is no place for here.
func (l transcriptLine) read() (m session.ImportedMessage, ok bool) {
	from := l.Message
	m = session.ImportedMessage{
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
			m.ToolCalls = append(m.ToolCalls, session.ImportedCall{ID: p.ID, Name: p.Name, Args: p.Arguments})
		}
	}
	m.Text = strings.Join(texts, "\n")
	return m, true
}
