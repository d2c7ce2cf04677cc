// cc -std=c11 -o test test.c && ./test
#include "plugin.c"
#include "carapace_test.h"

#include <stdio.h>

static carapace_text answer;

// Whether a call answers so, or fails with that error.
static bool is(bool ok, bool want, const char *text) {
  if (ok == want && carapace_is(answer, text)) return true;
  fprintf(stderr, "it says %.*s, not %s\n", (int)answer.size, answer.data, text);
  return false;
}

// The chat server, which wants the account's token.
static carapace_json server(carapace_json request) {
  bool known = carapace_is(carapace_json_text(carapace_json_get(carapace_json_get(request, "headers"), "authorization")), "Bearer t0k3n");
  bool asked = carapace_is(carapace_json_get(request, "json"), "{\"to\":\"ann\",\"text\":\"yes?\",\"key\":\"k1\"}");
  return !known ? CARAPACE_TEXT("{\"status\":401}") : asked ? CARAPACE_TEXT("{\"status\":200,\"text\":\"3\"}") : CARAPACE_TEXT("{\"status\":400}");
}

int main(void) {
  carapace_test_host = carapace_test_gateway, carapace_test_http = server;
  carapace_test_set(&carapace_test_credentials, "token", "t0k3n");
#define POLL(after) "\"requests\":[{\"id\":\"poll\",\"method\":\"GET\",\"url\":\"http://toy/messages?after=" after "\",\"headers\":[{\"name\":\"Authorization\",\"value\":\"Bearer {{credential:token}}\"}]}]"
#define EVENT(text) carapace_test_channel_event(CARAPACE_TEXT("{\"config\":{\"url\":\"http://toy\"}," text "}"), &answer)
  bool good =
    is(EVENT("\"kind\":\"start\""), true, "{\"state\":0," POLL("0") "}") &&
    is(EVENT("\"kind\":\"response\",\"state\":7,\"response\":{\"status\":200,\"text\":\"[]\"}"), true, "{\"state\":7," POLL("7") ",\"status\":{\"state\":\"connected\"}}") &&
    is(EVENT("\"kind\":\"response\",\"response\":{\"status\":200,\"text\":\"[{\\\"number\\\":8,\\\"from\\\":\\\"ann\\\",\\\"text\\\":\\\"\\\\\\\"hi\\\\\\\"\\\"}]\"}"), true,
      "{\"messages\":[{\"id\":\"8\",\"kind\":\"text\",\"conversation\":{\"kind\":\"direct\",\"id\":\"ann\"},\"sender\":{\"id\":\"ann\"},\"text\":\"\\\"hi\\\"\"}],\"state\":8," POLL("8") ",\"status\":{\"state\":\"connected\"}}") &&
    is(EVENT("\"kind\":\"response\",\"response\":{\"status\":502}"), true,
      "{\"timers\":[{\"id\":\"again\",\"after\":5000}],\"status\":{\"state\":\"disconnected\",\"message\":\"the server answered 502: check the account's url\"}}") &&
    is(EVENT("\"kind\":\"response\",\"response\":{\"status\":401}"), true, "{\"status\":{\"state\":\"needs_login\",\"message\":\"the server does not know the token: set another\"}}") &&
    is(EVENT("\"kind\":\"closed\""), true, "{}") &&
    is(carapace_test_channel_send(CARAPACE_TEXT("{\"config\":{\"url\":\"http://toy\"},\"to\":{\"id\":\"ann\"},\"text\":\"yes?\",\"idempotencyKey\":\"k1\"}"), &answer), true, "{\"ids\":[\"3\"]}");
  return good ? 0 : 1;
}
