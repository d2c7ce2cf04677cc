// That the gateway for tests does what the gateway does.
#include "../carapace_test.h"

#include <stdio.h>

static bool failed;

static void want(carapace_text got, const char *text) {
  if (carapace_is(got, text)) return;
  failed = true;
  fprintf(stderr, "it is %.*s, not %s\n", (int)got.size, got.data, text);
}

static carapace_text ask(const char *name, const char *param) { return carapace_test_gateway(name, (carapace_text){param, strlen(param)}); }

static carapace_json server(carapace_json request) { return CARAPACE_JOIN(CARAPACE_TEXT("{\"status\":200,\"headers\":["), request, CARAPACE_TEXT("]}")); }
static carapace_text more(const char *name, carapace_text param) { return CARAPACE_JOIN((carapace_text){name, strlen(name)}, param); }

int main(void) {
  ask("kv_put", "{\"key\":\"b:2\",\"value\":\"two \\\"2\\\"\"}"), ask("kv_put", "{\"key\":\"b:1\",\"value\":\"old\"}"), ask("kv_put", "{\"key\":\"b:1\",\"value\":\"\"}"), ask("kv_put", "{\"key\":\"c\",\"value\":\"3\"}");
  want(ask("kv_get", "{\"key\":\"b:2\"}"), "{\"ok\":{\"value\":\"two \\\"2\\\"\"}}");
  want(ask("kv_get", "{\"key\":\"b:1\"}"), "{\"ok\":{\"value\":\"\"}}");
  want(ask("kv_keys", "{\"prefix\":\"b:\"}"), "{\"ok\":{\"keys\":[\"b:1\",\"b:2\"]}}");
  want(ask("kv_keys", "{\"limit\":1}"), "{\"ok\":{\"keys\":[\"b:1\"]}}");
  ask("kv_delete", "{\"key\":\"c\"}");
  want(ask("kv_get", "{\"key\":\"c\"}"), "{\"ok\":{\"value\":null}}");

  want(ask("http_request", "{\"url\":\"http://a\"}"), "{\"error\":{\"code\":\"forbidden\",\"message\":\"the test's gateway has no carapace_test_http\"}}");
  carapace_test_http = server;
  carapace_test_set(&carapace_test_credentials, "key", "s3cret");
#define SECRET "{{credential:key}}"
#define REQUEST(more) "{\"url\":\"http://a/" SECRET "?q=" SECRET "\",\"headers\":[{\"name\":\"X-A\",\"value\":\"" SECRET "{{credential:no name}}\"}],\"text\":\"" SECRET "\"" more "}"
#define MADE(own, more) "{\"ok\":{\"status\":200,\"headers\":[{\"method\":\"GET\",\"url\":\"http://a/s3cret?q=" own "\",\"headers\":{\"x-a\":\"s3cret{{credential:no name}}\"" more "},\"text\":\"" own "\"}]}}"
  want(ask("http_request", REQUEST("")), MADE(SECRET, ""));
  want(ask("http_request", REQUEST(",\"fill\":true")), MADE("s3cret", ""));
  want(ask("http_request", REQUEST(",\"basic\":{\"user\":\"ann\",\"password\":\"key\"}")), MADE(SECRET, ",\"authorization\":\"Basic YW5uOnMzY3JldA==\""));
  want(ask("http_request", "{\"url\":\"http://a/{{credential:other}}\"}"), "{\"error\":{\"code\":\"unauthorized\",\"message\":\"this credential is not set: other\"}}");
  want(ask("credential_has", "{\"name\":\"key\"}"), "{\"ok\":{\"present\":true}}");
  want(ask("credential_has", "{\"name\":\"other\"}"), "{\"ok\":{\"present\":false}}");

  carapace_test_set(&carapace_test_media, "m1", "{\"mime\":\"image/png\"}"), carapace_test_set(&carapace_test_accounts, "home", "{\"a\":1}");
  want(ask("media_stat", "{\"media\":\"m1\"}"), "{\"ok\":{\"mime\":\"image/png\"}}");
  want(ask("media_link", "{\"media\":\"m1\",\"within\":1}"), "{\"ok\":{\"url\":\"https://gateway.test/media/m1\"}}");
  want(ask("media_link", "{\"media\":\"m2\",\"within\":1}"), "{\"error\":{\"code\":\"not_found\",\"message\":\"there is no file m2\"}}");
  want(ask("config_get", "{}"), "{\"ok\":{\"value\":{}}}");
  want(ask("config_get", "{\"account\":\"home\"}"), "{\"ok\":{\"value\":{\"a\":1}}}");

  want(ask("schedule_set", "{\"id\":\"j\",\"at\":7}"), "{\"ok\":{\"next\":7}}");
  want(ask("message_send", "{\"idempotencyKey\":\"k\"}"), "{\"ok\":{\"delivery\":\"plugin:test:k\"}}");
  want(ask("emit_publish", "{\"name\":\"done\"}"), "{\"ok\":{\"ok\":true}}");
  want(carapace_test_get(carapace_test_asked, "schedule_set"), "{\"id\":\"j\",\"at\":7}");
  want(ask("agent_run", "{}"), "{\"error\":{\"code\":\"not_found\",\"message\":\"the test's gateway knows no agent_run\"}}");
  carapace_test_more = more;
  want(ask("agent_run", "{}"), "agent_run{}");
  carapace_test_reset();
  carapace_free_();
  return failed || carapace_test_get(carapace_test_asked, "agent_run").data != NULL;
}
