package linetest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/line/line-bot-sdk-go/v8/linebot/channel_access_token"
	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"
	"github.com/line/line-bot-sdk-go/v8/linebot/webhook"

	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
)

// TestTheVendorsClient: LINE's own library gets a token, sends, is answered, and reads what the webhook is called with.
func TestTheVendorsClient(t *testing.T) {
	s := linetest.New(linetest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := channel_access_token.NewChannelAccessTokenAPI(channel_access_token.WithEndpoint(root))
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokens.IssueStatelessChannelToken("client_credentials", "", "", linetest.DefaultChannelID, linetest.DefaultChannelSecret)
	if err != nil || token.ExpiresIn != 900 {
		t.Fatal(token, err)
	}
	api, err := messaging_api.NewMessagingApiAPI(token.AccessToken, messaging_api.WithEndpoint(root))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := api.GetBotInfo(); err != nil || info.UserId != linetest.DefaultBot {
		t.Errorf("%+v %v", info, err)
	}
	calls := make(chan *webhook.CallbackRequest, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, err := webhook.ParseRequest(linetest.DefaultChannelSecret, r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if len(call.Events) > 0 {
			calls <- call
		}
	}))
	t.Cleanup(hook.Close)
	if err := s.Webhook(t.Context(), hook.URL, nil); err != nil {
		t.Fatal(err)
	}
	s.Meet("U1", "Ada")
	s.Say("U1", "hello")
	event, ok := (<-calls).Events[0].(webhook.MessageEvent)
	said, isText := event.Message.(webhook.TextMessageContent)
	if !ok || !isText || said.Text != "hello" || event.Source.(webhook.UserSource).UserId != "U1" || event.WebhookEventId == "" || event.DeliveryContext.IsRedelivery {
		t.Fatalf("%+v", event)
	}
	answer, err := api.ReplyMessage(&messaging_api.ReplyMessageRequest{ReplyToken: event.ReplyToken, Messages: []messaging_api.MessageInterface{&messaging_api.TextMessage{Text: "hi", QuoteToken: said.QuoteToken}}})
	if err != nil || len(answer.SentMessages) != 1 {
		t.Fatal(answer, err)
	}
	if _, err := api.ReplyMessage(&messaging_api.ReplyMessageRequest{ReplyToken: event.ReplyToken, Messages: []messaging_api.MessageInterface{&messaging_api.TextMessage{Text: "hi"}}}); err == nil {
		t.Error("a reply token is good twice")
	}
	const key = "123e4567-e89b-12d3-a456-426614174000"
	push := &messaging_api.PushMessageRequest{To: "U1", Messages: []messaging_api.MessageInterface{&messaging_api.FlexMessage{
		AltText: "choose", Contents: &messaging_api.FlexBubble{
			Body:   &messaging_api.FlexBox{Layout: "vertical", Contents: []messaging_api.FlexComponentInterface{&messaging_api.FlexText{Text: "choose"}}},
			Footer: &messaging_api.FlexBox{Layout: "vertical", Contents: []messaging_api.FlexComponentInterface{&messaging_api.FlexButton{Style: "primary", Action: &messaging_api.PostbackAction{Label: "Yes", Data: "choice:1"}}}},
		},
	}}}
	if _, err := api.PushMessage(push, key); err != nil {
		t.Fatal(err)
	}
	res, _, err := api.PushMessageWithHttpInfo(push, key)
	var conflict messaging_api.ErrorResponse
	if err == nil || res.StatusCode != http.StatusConflict || json.NewDecoder(res.Body).Decode(&conflict) != nil || len(conflict.SentMessages) != 1 {
		t.Errorf("%v %+v %v", res, conflict, err)
	}
	if sent := s.Sent(); len(sent) != 2 || sent[0].Quoted != said.Id || sent[1].Choices["Yes"] != "choice:1" {
		t.Errorf("%+v", sent)
	}
	if profile, err := api.GetProfile("U1"); err != nil || profile.DisplayName != "Ada" {
		t.Errorf("%+v %v", profile, err)
	}
	if quota, err := api.GetMessageQuota(); err != nil || quota.Type != messaging_api.QuotaType_NONE {
		t.Errorf("%+v %v", quota, err)
	}
	if _, err := api.ShowLoadingAnimation(&messaging_api.ShowLoadingAnimationRequest{ChatId: "U1", LoadingSeconds: 20}); err != nil || len(s.Loading()) != 1 {
		t.Error(err)
	}
}
