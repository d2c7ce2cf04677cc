package main

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-reasoning/toysage"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"url":"http://toy"}`

func server() *sdktest.Host {
	return &sdktest.Host{HTTP: toysage.New(), Credentials: map[string]string{"key": toysage.Key}}
}

// ask has a chat answered as the kernel would: plan, request, pieces.
func ask(t *testing.T, host *sdktest.Host, turns ...wit.ChatTurn) *wit.ProviderAnswer {
	t.Helper()
	plan, err := sage{}.Request(host.SDK(), &wit.Chat{Model: "sage", Config: wit.JSON(config), Turns: turns, Tools: []wit.ToolSpec{{Name: "roll"}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := host.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	events := []wit.StreamEvent{{Kind: wit.StreamEventKindHead, Status: response.Status}}
	for line := range strings.Lines(*response.Text) {
		events = append(events, wit.StreamEvent{Kind: wit.StreamEventKindData, Data: line})
	}
	answer, err := sage{}.Chunk(host.SDK(), &wit.ProviderChunk{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestReasoning: what the model has thought goes back to it with the tool's result; without that it does not go on.
func TestReasoning(t *testing.T) {
	host := server()
	user := wit.ChatTurn{Role: wit.RoleUser, Content: []wit.Part{{Text: new("use roll")}}}
	first := ask(t, host, user)
	if len(first.ToolCalls) != 1 || first.ToolCalls[0].Name != "roll" || first.Opaque == nil || first.Stop == nil || *first.Stop != wit.StopReasonToolCalls {
		t.Fatalf("%+v", first)
	}
	if d := first.Deltas; len(d) != 1 || d[0].Kind != wit.DeltaKindThinking {
		t.Errorf("it thinks %+v", d)
	}
	called := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: first.ToolCalls, Opaque: first.Opaque}
	result := wit.ChatTurn{Role: wit.RoleTool, ToolCallID: &first.ToolCalls[0].ID, Content: []wit.Part{{Text: new("4")}}}
	last := ask(t, host, user, called, result)
	if d := last.Deltas; len(d) != 2 || d[0].Text+d[1].Text != "it says 4" || last.Usage == nil || last.Usage.Output != 2 {
		t.Errorf("%+v", last)
	}
	called.Opaque = nil
	if a := ask(t, host, user, called, result); wit.CodeOf(a.Error) != wit.CodeInvalid {
		t.Errorf("without what it has thought: %+v", a)
	}
	host.Credentials["key"] = "stolen"
	if a := ask(t, host, user); wit.CodeOf(a.Error) != wit.CodeUnauthorized {
		t.Errorf("with a wrong key: %+v", a)
	}
}

// TestModels: the list is asked for until there is no further page.
func TestModels(t *testing.T) {
	host, query, ids := server(), &wit.ModelsQuery{Config: wit.JSON(config)}, ""
	for range 3 {
		answer, err := sage{}.Models(host.SDK(), query)
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range answer.Models {
			ids += model.ID + " "
		}
		if answer.Request == nil {
			break
		}
		if query.Response, err = host.Do(answer.Request); err != nil {
			t.Fatal(err)
		}
	}
	if ids != "sage measure " {
		t.Errorf("the models are %s", ids)
	}
}

// TestEmbeddings: a vector comes for each text.
func TestEmbeddings(t *testing.T) {
	host := server()
	query := &wit.EmbeddingQuery{Model: "measure", Config: wit.JSON(config), Texts: []string{"good morning", "x"}}
	answer, err := sage{}.Embeddings(host.SDK(), query)
	if err != nil || answer.Request == nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	if query.Response, err = host.Do(answer.Request); err != nil {
		t.Fatal(err)
	}
	answer, err = sage{}.Embeddings(host.SDK(), query)
	if err != nil || len(answer.Embeddings) != 2 || answer.Usage.Input != 3 {
		t.Fatalf("%+v, %v", answer, err)
	}
	if got := string(answer.Embeddings[0].Vector); got != "\x00\x00\x40\x41\x00\x00\x00\x40" { // 12 and 2
		t.Errorf("the vector is %x", got)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, sage{}, "testdata/*.jsonl") }
