// cc -std=c11 -o test test.c && ./test
#include "plugin.c"

#include <stdio.h>

static carapace_text answer;

// Whether a call answers so, or fails with that error.
static bool is(bool ok, bool want, const char *text) {
  if (ok == want && carapace_is(answer, text)) return true;
  fprintf(stderr, "it says %.*s, not %s\n", (int)answer.size, answer.data, text);
  return false;
}

static carapace_text server(const char *name, carapace_text param) {
  (void)name;
  bool asked = carapace_is(carapace_json_get(param, "json"), "{\"to\":\"ann\",\"text\":\"yes?\",\"key\":\"k1\"}");
  return asked ? CARAPACE_TEXT("{\"ok\":{\"status\":200,\"text\":\"3\"}}") : CARAPACE_TEXT("{\"ok\":{\"status\":400}}");
}

int main(void) {
  carapace_test_host = server;
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
