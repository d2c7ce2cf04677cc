package bedrock_test

import (
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock"
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock/bedrocktest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, bedrock.New(), "testdata/*.jsonl") }

type blocks = []bedrocktest.Output

func host(s http.Handler) *sdktest.Host {
	return &sdktest.Host{HTTP: s, Credentials: map[string]string{"api_key": bedrocktest.APIKey}}
}

func text(s string) wit.Part { return wit.Part{Kind: wit.PartKindText, Text: &s} }

func says(role wit.Role, s string) wit.ChatTurn {
	return wit.ChatTurn{Role: role, Content: []wit.Part{text(s)}}
}

func hi(model string) *wit.Chat {
	return &wit.Chat{Model: model, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
}

const (
	nova   = "us.amazon.nova-pro-v1:0"
	claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
)

// ask has a chat answered by the server, without a gateway between.
func ask(t *testing.T, s http.Handler, chat *wit.Chat) *wit.ProviderAnswer {
	t.Helper()
	h := host(s)
	plan, err := bedrock.New().Request(h.SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	list := []wit.StreamEvent{{Kind: wit.StreamEventKindHead, Status: response.Status, Headers: response.Headers}}
	if response.Text != nil && response.Status >= 300 {
		list = append(list, wit.StreamEvent{Kind: wit.StreamEventKindData, Data: *response.Text})
	}
	body := response.Bytes
	if response.Text != nil && response.Status < 300 {
		body = []byte(*response.Text) // packets whose numbers happen to be text
	}
	for len(body) > 4 {
		n := int(binary.BigEndian.Uint32(body))
		list = append(list, wit.StreamEvent{Kind: wit.StreamEventKindData, Bytes: body[:n]})
		body = body[n:]
	}
	return read(t, plan.State, append(list, wit.StreamEvent{Kind: wit.StreamEventKindEnd})...)
}

// read runs events through the provider one by one and all at once, which has to come to the same.
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
	for len(events) > 0 {
		n := min(size, len(events))
		a, err := bedrock.New().Chunk(host(nil).SDK(), &wit.ProviderChunk{State: state, Events: events[:n]})
		if err != nil {
			t.Fatal(err)
		}
		events, state = events[n:], a.State
		for _, d := range a.Deltas {
			if n := len(all.Deltas) - 1; n >= 0 && all.Deltas[n].Kind == d.Kind {
				all.Deltas[n].Text += d.Text
			} else {
				all.Deltas = append(all.Deltas, d)
			}
		}
		for _, d := range a.CallDeltas {
			if int(d.Call) == len(all.ToolCalls) {
				all.ToolCalls = append(all.ToolCalls, wit.ToolCall{ID: d.ID, Name: d.Name})
			}
			all.ToolCalls[d.Call].Args = append(all.ToolCalls[d.Call].Args, d.Args...)
		}
		if a.Usage != nil {
			all.Usage = a.Usage
		}
		if a.Stop != nil {
			all.Stop = a.Stop
		}
		if a.Error != nil {
			all.Error = a.Error
		}
		if a.Opaque != nil {
			all.Opaque = a.Opaque
		}
	}
	return all
}

func said(answer *wit.ProviderAnswer, kind wit.DeltaKind) (text string) {
	for _, d := range answer.Deltas {
		if d.Kind == kind {
			text += d.Text
		}
	}
	return text
}

// TestConversation: thinking, text and calls stream, and go back with what was signed; the beginning of what is asked stays
// the same.
func TestConversation(t *testing.T) {
	long := `{"text":"` + strings.Repeat("x", 100_000) + `"}`
	s := bedrocktest.New(
		bedrocktest.Reply{Blocks: blocks{{Thinking: []string{"I th", "ink."}, Signature: "c2ln"}, {Redacted: []byte("hidden")}, {Text: []string{"Let me ", "see."}},
			{ID: "t1", Name: "calc", Input: []string{`{"expr`, `ession":"1+1"}`}}, {ID: "t2", Name: "calc", Input: []string{""}}, {ID: "t3", Name: "long", Input: []string{long[:5000], long[5000:]}}}},
		bedrocktest.Says("2"), bedrocktest.Says("Bye."))
	chat := hi(claude)
	chat.System, chat.Thinking, chat.MaxTokens, chat.Temperature = "be brief", "low", 100, new(0.5)
	chat.Tools = []wit.ToolSpec{{Name: "calc", Description: "sums"}, {Name: "long"}}
	first := ask(t, s, chat)
	if first.Error != nil || said(first, wit.DeltaKindText) != "Let me see." || said(first, wit.DeltaKindThinking) != "I think." || *first.Stop != wit.StopReasonToolCalls || string(first.ToolCalls[2].Args) != long {
		t.Fatalf("%.600s", wit.Marshal(first))
	}
	if u := first.Usage; u.Input != 20 || u.Output != 30 || u.CacheRead != 70 || u.CacheWrite != 10 {
		t.Errorf("usage %+v", u)
	}
	next := wit.ChatTurn{Role: wit.RoleAssistant, Content: []wit.Part{text("Let me see.")}, Thinking: "I think.", ToolCalls: first.ToolCalls, Opaque: first.Opaque}
	chat.Turns = append(chat.Turns, next)
	for _, c := range first.ToolCalls {
		result := says(wit.RoleTool, "")
		result.ToolCallID = new(c.ID)
		chat.Turns = append(chat.Turns, result)
	}
	if second := ask(t, s, chat); second.Error != nil {
		t.Fatal(second.Error)
	}
	got := s.Requests()
	if b := got[1].Parsed.Messages[1].Content; len(b) != 6 || b[0].ReasoningContent == nil || string(b[1].ReasoningContent.RedactedContent) != "hidden" || len(got[1].Parsed.Messages[2].Content) != 3+1 {
		t.Errorf("%s", got[1].Body)
	}
	if before := strings.TrimSuffix(points.ReplaceAllString(string(got[0].Body), ""), "]}"); !strings.HasPrefix(points.ReplaceAllString(string(got[1].Body), ""), before) {
		t.Errorf("%.500s\ndoes not begin with\n%.500s", got[1].Body, before)
	}
	chat.Tools, chat.Thinking, chat.Turns[1].Opaque = nil, "off", nil // the last round
	if third := ask(t, s, chat); third.Error != nil || said(third, wit.DeltaKindText) != "Bye." {
		t.Errorf("%s", wit.Marshal(third))
	}
}

// TestMessages: whatever a conversation looks like, the API takes it.
func TestMessages(t *testing.T) {
	image := wit.Part{Kind: wit.PartKindImage, Media: new("m1"), Mime: new("image/png")}
	file := wit.Part{Kind: wit.PartKindFile, Media: new("m2"), Mime: new("application/pdf")}
	for name, turns := range map[string][]wit.ChatTurn{
		"nothing": nil, "blanks": {says(wit.RoleUser, " "), says(wit.RoleAssistant, "")}, "begins with an answer": {says(wit.RoleAssistant, "a"), says(wit.RoleUser, "b")},
		"twice in a row": {says(wit.RoleUser, "a"), says(wit.RoleUser, "b"), says(wit.RoleAssistant, "c"), says(wit.RoleAssistant, "d"), says(wit.RoleUser, "e")},
	} {
		chat := hi(nova)
		chat.Turns = turns
		if answer := ask(t, bedrocktest.New(bedrocktest.Says("ok")), chat); answer.Error != nil {
			t.Errorf("%s: %v", name, answer.Error)
		}
	}
	chat := hi(nova)
	chat.Turns = []wit.ChatTurn{{Role: wit.RoleUser, Content: []wit.Part{image, file, text("look")}}}
	plan, err := bedrock.New().Request(host(nil).SDK(), chat)
	if err != nil || strings.Join(plan.Request.Embed, " ") != "m1 m2" || !strings.Contains(string(plan.Request.JSON), `{"image":{"format":"png","source":{"bytes":"{{media:m1}}"}}},{"document":{"format":"pdf","name":"document `) {
		t.Errorf("%s, %v", plan.Request.JSON, err)
	}
	if want := "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-pro-v1%3A0/converse-stream"; plan.Request.URL != want {
		t.Errorf("%s", plan.Request.URL)
	}
}

// TestDocuments: of many documents the last five are shown, and one that was sent twice once, for more are refused.
func TestDocuments(t *testing.T) {
	page := func(id string) wit.ChatTurn {
		return wit.ChatTurn{Role: wit.RoleUser, Content: []wit.Part{{Kind: wit.PartKindFile, Media: &id, Mime: new("application/pdf")}}}
	}
	for _, c := range []struct {
		pages, embedded string
		left            int // that are only named
	}{
		{"a", "a", 0}, {"a a", "a", 1}, {"a b a", "b a", 1}, {"a b c d e f g", "c d e f g", 2}, {"a b c d e f a", "c d e f a", 2},
	} {
		chat := hi(claude)
		for _, id := range strings.Fields(c.pages) {
			chat.Turns = append(chat.Turns, says(wit.RoleAssistant, "go on"), page(id))
		}
		plan, err := bedrock.New().Request(host(nil).SDK(), chat)
		if err != nil {
			t.Fatal(err)
		}
		body := string(plan.Request.JSON)
		if got := strings.Join(plan.Request.Embed, " "); got != c.embedded || strings.Count(body, `{"document":`) != len(strings.Fields(c.embedded)) || strings.Count(body, `[file]`) != c.left {
			t.Errorf("%s: embeds %s in %s", c.pages, got, body)
		}
		if answer := ask(t, bedrocktest.New(bedrocktest.Says("ok")), chat); answer.Error != nil {
			t.Errorf("%s: %v", c.pages, answer.Error)
		}
	}
}

// TestPicturesOfTools: a picture that a tool gives stands in its result where the model takes one there, and else behind the results.
func TestPicturesOfTools(t *testing.T) {
	for model, want := range map[string]string{
		nova: `"content":[{"text":"[image]"},IMAGE]}},{"toolResult":{"toolUseId":"b","content":[{"text":"none"}]}},{"text":"and?"}]`,
		"us.meta.llama4-maverick-17b-instruct-v1:0": `"content":[{"text":"[image]"}]}},{"toolResult":{"toolUseId":"b","content":[{"text":"none"}]}},IMAGE,{"text":"and?"}]`,
	} {
		chat := hi(model)
		first, second := wit.ChatTurn{Role: wit.RoleTool, ToolCallID: new("a"), Content: []wit.Part{{Kind: wit.PartKindImage, Media: new("m1"), Mime: new("image/png")}}}, says(wit.RoleTool, "none")
		second.ToolCallID = new("b")
		chat.Turns = append(chat.Turns, wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{{ID: "a", Name: "draw"}, {ID: "b", Name: "draw"}}}, first, second, says(wit.RoleUser, "and?"))
		plan, err := bedrock.New().Request(host(nil).SDK(), chat)
		if err != nil {
			t.Fatal(err)
		}
		got := points.ReplaceAllString(string(plan.Request.JSON), "")
		if want = strings.ReplaceAll(want, "IMAGE", `{"image":{"format":"png","source":{"bytes":"{{media:m1}}"}}}`); !strings.Contains(got, want) || strings.Join(plan.Request.Embed, " ") != "m1" {
			t.Errorf("%s: with %s\ngot  %s\nwant %s", model, plan.Request.Embed, got, want)
		}
	}
}

// TestEnds: how an answer can end, and fail.
func TestEnds(t *testing.T) {
	some := blocks{{Text: []string{"Some"}}}
	for name, c := range map[string]struct {
		reply bedrocktest.Reply
		stop  wit.StopReason
		code  wit.Code
	}{
		"end": {bedrocktest.Says("x"), wit.StopReasonEnd, ""}, "length": {bedrocktest.Reply{Blocks: some, Stop: "max_tokens"}, wit.StopReasonLength, ""},
		"filtered": {bedrocktest.Reply{Blocks: some, Stop: "content_filtered"}, wit.StopReasonRefused, ""}, "malformed": {bedrocktest.Reply{Blocks: some, Stop: "malformed_tool_use"}, "", wit.CodeUnavailable},
		"in the stream": {bedrocktest.Reply{Blocks: some, Kind: "throttlingException", Message: "Too many tokens, please wait before trying again."}, "", wit.CodeRateLimited},
		"broken":        {bedrocktest.Reply{Blocks: some, Kind: "modelStreamErrorException", Message: "it broke"}, "", wit.CodeUnavailable},
		"throttled":     {bedrocktest.Reply{Status: 429, Kind: "ThrottlingException", Message: "Too many requests"}, "", wit.CodeRateLimited},
		"no access":     {bedrocktest.Reply{Status: 403, Kind: "AccessDeniedException", Message: "You don't have access to the model with the specified model ID."}, "", wit.CodeForbidden},
		"expired":       {bedrocktest.Reply{Status: 403, Kind: "ExpiredTokenException", Message: "The security token included in the request is expired"}, "", wit.CodeUnauthorized},
		"too long":      {bedrocktest.Reply{Status: 400, Kind: "ValidationException", Message: "Input is too long for requested model."}, "", wit.CodeTooLarge},
		"wrong":         {bedrocktest.Reply{Status: 400, Kind: "ValidationException", Message: "Malformed"}, "", wit.CodeInvalid},
		"no model":      {bedrocktest.Reply{Status: 404, Kind: "ResourceNotFoundException", Message: "none"}, "", wit.CodeNotFound},
		"down":          {bedrocktest.Reply{Status: 503, Kind: "ServiceUnavailableException", Message: "later"}, "", wit.CodeUnavailable},
		"slow":          {bedrocktest.Reply{Status: 408, Kind: "ModelTimeoutException", Message: "slow"}, "", wit.CodeTimeout},
	} {
		answer := ask(t, bedrocktest.New(c.reply), hi(nova))
		var stop wit.StopReason
		var code wit.Code
		if answer.Stop != nil {
			stop = *answer.Stop
		}
		if answer.Error != nil {
			code = answer.Error.Code
		}
		if stop != c.stop || code != c.code {
			t.Errorf("%s: %s, %v", name, stop, answer.Error)
		}
	}
}

// TestPackets: what is not a whole packet is not read as one.
func TestPackets(t *testing.T) {
	good := bedrocktest.Packet("event", "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"a"}}`))
	try := func(b []byte) *wit.ProviderAnswer {
		return read(t, nil, wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: 200}, wit.StreamEvent{Kind: wit.StreamEventKindData, Bytes: b})
	}
	if answer := try(good); said(answer, wit.DeltaKindText) != "a" {
		t.Errorf("%s", wit.Marshal(answer))
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x41
		if answer := try(bad); answer.Error == nil {
			t.Fatalf("byte %d: %s", i, wit.Marshal(answer))
		}
	}
	for n := 1; n < len(good); n++ {
		if answer := try(good[:n]); answer.Error == nil {
			t.Fatalf("%d bytes: %s", n, wit.Marshal(answer))
		}
	}
}

// TestKeys: an API key goes in a header, the keys of an account sign; without any it is said what to do.
func TestKeys(t *testing.T) {
	plan, err := bedrock.New().Request((&sdktest.Host{Credentials: map[string]string{"access_key": "a", "secret_key": "s", "session_token": "t"}}).SDK(), hi(nova))
	if err != nil || plan.Request.SigV4 == nil || *plan.Request.SigV4.SessionToken != "session_token" || plan.Request.SigV4.Region != "us-east-1" {
		t.Errorf("%+v, %v", plan, err)
	}
	if _, err := bedrock.New().Request((&sdktest.Host{}).SDK(), hi(nova)); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("%v", err)
	}
	if _, err := bedrock.New().Request(host(nil).SDK(), hi("")); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("%v", err)
	}
}

// TestModels: a model that is called by a profile has the id of one that there is in the region.
func TestModels(t *testing.T) {
	const sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	for _, c := range []struct {
		region, want string
		unlisted     bool
	}{
		{"eu-west-1", "eu.", false}, {"ap-northeast-1", "jp.", false}, {"ap-southeast-2", "au.", false}, {"ap-south-1", "global.", false},
		{"us-west-2", "us.", false}, {"us-west-2", "us.", true}, {"ap-northeast-1", "apac.", true},
	} {
		s := bedrocktest.New()
		s.Unlisted = c.unlisted
		h, query, models := host(s), &wit.ModelsQuery{Config: wit.JSON(`{"region":"` + c.region + `"}`)}, []wit.Model(nil)
		for {
			answer, err := bedrock.New().Models(h.SDK(), query)
			if err != nil {
				t.Fatal(err)
			}
			query.State, models = answer.State, append(models, answer.Models...)
			if answer.Request == nil {
				break
			}
			if query.Response, err = h.Do(answer.Request); err != nil {
				t.Fatal(err)
			}
		}
		if len(models) != 2 || models[0].ID != "amazon.nova-pro-v1:0" || !models[0].Images || models[1].ID != c.want+sonnet || !models[1].Images || models[1].Name == "" {
			t.Errorf("%+v: %+v", c, models)
		}
	}
}
