// A plugin that bridges a chat server by long poll. What the server understands stands in ../go-channel/toychat.
#include "carapace.h"

// A request to the account's server, signed with its token.
static carapace_http_request request(carapace_json config, carapace_text method, carapace_text path) {
  carapace_text url = carapace_json_text(carapace_json_get(config, "url"));
  return (carapace_http_request){
    .id = CARAPACE_TEXT("poll"),
    .method = method,
    .url = CARAPACE_JOIN(url, path),
    .headers = CARAPACE_ITEMS(carapace_header, {CARAPACE_TEXT("Authorization"), CARAPACE_TEXT("Bearer {{credential:token}}")}),
    .headers_count = 1,
  };
}

// The value in a good response.
static bool received(const carapace_http_response *response, carapace_json *value) {
  if (response->error != NULL) return carapace_fail_with(response->error);
  if (response->status == 401) return carapace_fail(CARAPACE_CODE_UNAUTHORIZED, CARAPACE_TEXT("the server does not know the token: set another"));
  if (response->status == 200 && carapace_json_parse(response->text, value)) return true;
  carapace_error *error = carapace_alloc(sizeof *error);
  error->code = CARAPACE_CODE_UNAVAILABLE, error->retryable = response->status == 429 || response->status >= 500;
  error->message = CARAPACE_JOIN(CARAPACE_TEXT("the server answered "), carapace_number(response->status), CARAPACE_TEXT(": check the account's url"));
  return carapace_fail_with(error);
}

// Shows the owner what is wrong and polls again in five seconds; a wrong token waits for another.
static bool failed(carapace_channel_answer *answer, const carapace_error *error) {
  bool login = error->code == CARAPACE_CODE_UNAUTHORIZED;
  answer->status = CARAPACE_SOME(carapace_account_status, .state = login ? CARAPACE_CONNECTION_STATE_NEEDS_LOGIN : CARAPACE_CONNECTION_STATE_DISCONNECTED, .message = error->message);
  if (!login) answer->timers = CARAPACE_ITEMS(carapace_timer, {.id = CARAPACE_TEXT("again"), .after = 5000}), answer->timers_count = 1;
  return true;
}

static carapace_message message(carapace_json item) {
  carapace_text from = carapace_json_text(carapace_json_get(item, "from"));
  return (carapace_message){
    .id = carapace_json_text(carapace_json_get(item, "number")),
    .text = carapace_json_text(carapace_json_get(item, "text")),
    .conversation = {.kind = CARAPACE_CONVERSATION_KIND_DIRECT, .id = from},
    .sender = {.id = from},
  };
}

// Is pure: it says what to do, and the gateway does it once messages and state are committed. The state is the number of the
// last message, which is all that it takes to go on after a crash.
static bool event(const carapace_channel_event *event, carapace_channel_answer *answer) {
  carapace_text last = carapace_number(carapace_json_int(event->state)); // there is none at first
  if (event->kind == CARAPACE_EVENT_KIND_RESPONSE) {
    carapace_json list;
    size_t count;
    if (!received(event->response, &list)) return failed(answer, carapace_failure);
    carapace_json *items = carapace_json_items(list, &count);
    carapace_message *messages = carapace_alloc(count * sizeof *messages);
    for (size_t i = 0; i < count; i++) messages[i] = message(items[i]), last = messages[i].id;
    answer->messages = messages, answer->messages_count = count;
    answer->status = CARAPACE_SOME(carapace_account_status, .state = CARAPACE_CONNECTION_STATE_CONNECTED);
  } else if (event->kind != CARAPACE_EVENT_KIND_START && event->kind != CARAPACE_EVENT_KIND_TIMER) return true;
  answer->state = last;
  answer->requests = CARAPACE_ITEMS(carapace_http_request, request(event->config, CARAPACE_TEXT("GET"), CARAPACE_JOIN(CARAPACE_TEXT("/messages?after="), last)));
  answer->requests_count = 1;
  return true;
}
CARAPACE_CHANNEL_EVENT(event)

// Posts a message. The server knows a repeated one by its key.
static bool send(const carapace_channel_send *send, carapace_sent *sent) {
  carapace_writer body = {0};
  carapace_http_response response;
  carapace_json number;
  carapace_write_object(&body);
  carapace_write_name(&body, "to"), carapace_write_text(&body, send->to.id);
  carapace_write_name(&body, "text"), carapace_write_text(&body, send->text);
  carapace_write_name(&body, "key"), carapace_write_text(&body, send->idempotency_key);
  carapace_write_end(&body, '}');
  carapace_http_request post = request(send->config, CARAPACE_TEXT("POST"), CARAPACE_TEXT("/messages"));
  post.json = carapace_written(&body);
  if (!carapace_host_http_request(&post, &response) || !received(&response, &number)) return false;
  sent->ids = CARAPACE_ITEMS(carapace_text, number), sent->ids_count = 1;
  return true;
}
CARAPACE_CHANNEL_SEND(send)
