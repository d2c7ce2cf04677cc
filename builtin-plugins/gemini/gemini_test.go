package gemini_test

import (
	stdjson "encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, gemini.New(), "testdata/*.jsonl") }

// host is a gateway that reaches the server, with its key.
func host(s http.Handler) *sdktest.Host {
	return &sdktest.Host{HTTP: s, Credentials: map[string]string{"api_key": geminitest.Key}}
}

func text(s string) wit.Part { return wit.Part{Kind: wit.PartKindText, Text: &s} }

func says(role wit.Role, s string) wit.ChatTurn {
	return wit.ChatTurn{Role: role, Content: []wit.Part{text(s)}}
}

// request is the request that a chat is answered with.
func request(t *testing.T, chat *wit.Chat) (*wit.HTTPRequest, json.Value) {
	t.Helper()
	plan, err := gemini.New().Request(host(nil).SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	if !stdjson.Valid(plan.Request.JSON) {
		t.Fatalf("the body is %s", plan.Request.JSON)
	}
	body, err := json.Parse(plan.Request.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Request, body
}

// ask has a chat answered by the server, without a gateway between.
func ask(t *testing.T, s http.Handler, chat *wit.Chat) *wit.ProviderAnswer {
	t.Helper()
	h := host(s)
	plan, err := gemini.New().Request(h.SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, plan.State, events(response)...)
}

// events are a response as the gateway hands it on.
func events(response *wit.HTTPResponse) []wit.StreamEvent {
	list := []wit.StreamEvent{{Kind: wit.StreamEventKindHead, Status: response.Status, Headers: response.Headers}}
	if response.Status >= 300 {
		return append(list, data(*response.Text), end)
	}
	for line := range strings.SplitSeq(*response.Text, "\r\n\r\n") {
		if line, ok := strings.CutPrefix(line, "data: "); ok {
			list = append(list, data(line))
		}
	}
	return append(list, end)
}

var end = wit.StreamEvent{Kind: wit.StreamEventKindEnd}

func data(text string) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindData, Data: text}
}

func head(status uint16, headers ...wit.Header) wit.StreamEvent {
	return wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: status, Headers: headers}
}

// read runs what arrives of a stream through the provider as the gateway does, one event a call and all in one, which has to
// come to the same, and adds up the answers.
func read(t *testing.T, state wit.JSON, events ...wit.StreamEvent) *wit.ProviderAnswer {
	t.Helper()
	alone := readBy(t, 1, state, events)
	want, got := string(wit.Marshal(alone)), string(wit.Marshal(readBy(t, len(events), state, events)))
	if got != want {
		t.Errorf("one by one %s, together %s", want, got)
	}
	return alone
}

func readBy(t *testing.T, size int, state wit.JSON, events []wit.StreamEvent) *wit.ProviderAnswer {
	t.Helper()
	all := &wit.ProviderAnswer{}
	calls := map[uint32]int{}
	for len(events) > 0 {
		n := min(size, len(events))
		answer, err := gemini.New().Chunk(host(nil).SDK(), &wit.ProviderChunk{State: state, Events: events[:n]})
		if err != nil {
			t.Fatal(err)
		}
		events, state = events[n:], answer.State
		for _, d := range answer.Deltas {
			if n := len(all.Deltas) - 1; n >= 0 && all.Deltas[n].Kind == d.Kind {
				all.Deltas[n].Text += d.Text
			} else {
				all.Deltas = append(all.Deltas, d)
			}
		}
		for _, d := range answer.CallDeltas {
			at, ok := calls[d.Call]
			if !ok {
				at = len(all.ToolCalls)
				calls[d.Call] = at
				all.ToolCalls = append(all.ToolCalls, wit.ToolCall{ID: d.ID, Name: d.Name, Opaque: d.Opaque})
			}
			all.ToolCalls[at].Args = append(all.ToolCalls[at].Args, d.Args...)
		}
		all.Files = append(all.Files, answer.Files...)
		if answer.Usage != nil {
			all.Usage = answer.Usage
		}
		if answer.Stop != nil {
			all.Stop = answer.Stop
		}
		if answer.Error != nil {
			all.Error = answer.Error
		}
		if answer.Opaque != nil {
			all.Opaque = answer.Opaque
		}
	}
	return all
}

// said is all of one kind that an answer says.
func said(answer *wit.ProviderAnswer, kind wit.DeltaKind) (text string) {
	for _, d := range answer.Deltas {
		if d.Kind == kind {
			text += d.Text
		}
	}
	return text
}

// turn is an answer as the history has it.
func turn(answer *wit.ProviderAnswer) wit.ChatTurn {
	out := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: answer.ToolCalls, Opaque: answer.Opaque}
	if s := said(answer, wit.DeltaKindText); s != "" {
		out.Content = []wit.Part{text(s)}
	}
	for i := range out.ToolCalls {
		if out.ToolCalls[i].ID == "" {
			out.ToolCalls[i].ID = "call-" + string(rune('a'+i))
		}
	}
	return out
}

// results are the turns that answer a turn's calls.
func results(asked wit.ChatTurn) (list []wit.ChatTurn) {
	for _, call := range asked.ToolCalls {
		result := says(wit.RoleTool, "result of "+call.ID)
		result.ToolCallID = new(call.ID)
		list = append(list, result)
	}
	return list
}

// What people write must never be filled in with the key, and the name of a model leads nowhere else.
func TestTextNeverNamesTheKey(t *testing.T) {
	const trick = "{{credential:api_key}}"
	var url, sent string
	h := host(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		url, sent = r.URL.String(), string(b)
	}))
	asks := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{{ID: trick, Name: trick, Args: wit.JSON(`{"a":"` + trick + `"}`)}}}
	plan, err := gemini.New().Request(h.SDK(), &wit.Chat{
		Model: "../" + trick + "?a#b", System: trick, Turns: append([]wit.ChatTurn{says(wit.RoleUser, trick), asks}, results(asks)...),
		Tools: []wit.ToolSpec{{Name: trick, Description: trick, Parameters: wit.JSON(`{"properties":{"` + trick + `":{"description":"` + trick + `"}}}`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Do(plan.Request); err != nil || strings.Contains(url+sent, geminitest.Key) || !strings.Contains(sent, trick) {
		t.Errorf("asked %s for %s, %v", url, sent, err)
	}
	if want := "https://generativelanguage.googleapis.com/v1beta/models/%2E%2E/%7B%7Bcredential%3Aapi_key%7D%7D%3Fa%23b:streamGenerateContent?alt=sse"; plan.Request.URL != want {
		t.Errorf("the address is %s, want %s", plan.Request.URL, want)
	}
}

func TestRequestRefuses(t *testing.T) {
	for config, want := range map[string]wit.Code{
		``: wit.CodeUnauthorized, `{"baseUrl":"ftp://x"}`: wit.CodeInvalid, `{"baseUrl":"localhost:1"}`: wit.CodeInvalid, `[`: wit.CodeInvalid,
	} {
		if _, err := gemini.New().Request((&sdktest.Host{}).SDK(), &wit.Chat{Config: wit.JSON(config)}); wit.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
	if _, err := gemini.New().Request((&sdktest.Host{}).SDK(), &wit.Chat{Config: wit.JSON(`{"baseUrl":"http://proxy/v1beta"}`)}); err != nil {
		t.Errorf("a proxy with a key of its own: %v", err)
	}
}
