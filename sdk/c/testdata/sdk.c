// What the header does, tried on the author's own machine: it ends with 1 and a line for each thing that is not so.
#include "../carapace.h"

#include <stdio.h>

static int failures;
#define SAME(got, want) same(__LINE__, got, want)
static void same(int line, carapace_text got, const char *want) {
  if (carapace_is(got, want)) return;
  fprintf(stderr, "line %d: %.*s, want %s\n", line, (int)got.size, got.data, want), failures++;
}
#define TRUE(condition) ((condition) ? (void)0 : (void)(fprintf(stderr, "line %d: %s\n", __LINE__, #condition), failures++))

static carapace_text text_of(const char *s) { return (carapace_text){s, strlen(s)}; }

static bool tool(const carapace_tool_invocation *call, carapace_tool_output *output) {
  if (carapace_is(call->name, "say")) {
    double f = carapace_json_float(carapace_json_get(call->args, "float"));
    return carapace_tool_text(output, CARAPACE_JOIN(carapace_json_text(carapace_json_get(call->args, "text")), CARAPACE_TEXT("|"),
      carapace_number(carapace_json_int(carapace_json_get(call->args, "int"))), CARAPACE_TEXT("|"), carapace_number((int64_t)(f * 1000))));
  }
  if (carapace_is(call->name, "count")) {
    carapace_kv_value kept;
    carapace_done done;
    if (!carapace_host_kv_get(&(carapace_kv_key){.key = CARAPACE_TEXT("n")}, &kept)) return false;
    int64_t n = kept.value.data == NULL ? 1 : carapace_json_int(kept.value) + 1;
    if (!carapace_host_kv_put(&(carapace_kv_entry){.key = CARAPACE_TEXT("n"), .value = carapace_number(n)}, &done)) return false;
    carapace_info(CARAPACE_TEXT("counted"));
    return carapace_tool_text(output, carapace_number(n));
  }
  if (carapace_is(call->name, "despite")) {
    carapace_kv_value kept;
    if (!carapace_host_kv_get(&(carapace_kv_key){.key = CARAPACE_TEXT("n")}, &kept)) return carapace_tool_failed(output, carapace_failure->message);
  }
  if (carapace_is(call->name, "silent")) return false;
  return carapace_fail(CARAPACE_CODE_UNAVAILABLE, CARAPACE_JOIN(CARAPACE_TEXT("there is no "), call->name));
}
CARAPACE_TOOL_INVOKE(tool)

static bool event(const carapace_channel_event *event, carapace_channel_answer *answer) {
  answer->state = event->state;
  if (event->kind == CARAPACE_EVENT_KIND_UNKNOWN) return true;
  if (event->message != NULL) {
    answer->frames = CARAPACE_ITEMS(carapace_frame, {.connection = event->message->connection, .text = event->message->text, .bytes = event->message->bytes});
    answer->frames_count = 1;
    answer->close = CARAPACE_ITEMS(carapace_text, CARAPACE_TEXT("a"), event->message->connection), answer->close_count = 2;
  }
  if (event->closed != NULL) {
    answer->timers = CARAPACE_ITEMS(carapace_timer, {event->closed->reason, event->closed->reopens_after == NULL ? -1 : *event->closed->reopens_after});
    answer->timers_count = 1;
    answer->reply = CARAPACE_SOME(carapace_webhook_reply, .status = event->closed->code);
  }
  return true;
}
CARAPACE_CHANNEL_EVENT(event)

static bool hook(const carapace_hook_event *event, carapace_hook_decision *decision) {
  carapace_message_sending sending;
  if (event->name != CARAPACE_HOOK_NAME_MESSAGE_SENDING) return true;
  if (!carapace_read(event->event, &carapace_message_sending_type, &sending)) return false;
  carapace_writer w = {0};
  carapace_write_object(&w);
  carapace_write_name(&w, "text"), carapace_write_text(&w, CARAPACE_JOIN(sending.text, CARAPACE_TEXT("!")));
  carapace_write_name(&w, "list"), carapace_write_array(&w), carapace_write_int(&w, -3), carapace_write_bool(&w, true), carapace_write_end(&w, ']');
  carapace_write_end(&w, '}');
  decision->modify = carapace_written(&w);
  return true;
}
CARAPACE_HOOK_HANDLE(hook)

static bool plan(const carapace_chat *chat, carapace_provider_plan *answer) {
  (void)answer;
  return carapace_fail(CARAPACE_CODE_INVALID, chat->temperature == NULL ? CARAPACE_TEXT("none") : carapace_number((int64_t)(*chat->temperature * 100)));
}
CARAPACE_PROVIDER_REQUEST(plan)

static char kept[32], asked[4096];
static carapace_text host(const char *name, carapace_text param) {
  snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%s %.*s\n", name, (int)param.size, param.data);
  if (strcmp(name, "kv_get") == 0) return kept[0] == 0 ? CARAPACE_TEXT("{\"ok\":{}}") : CARAPACE_JOIN(CARAPACE_TEXT("{\"ok\":{\"value\":\""), text_of(kept), CARAPACE_TEXT("\"}}"));
  if (strcmp(name, "kv_put") == 0) {
    carapace_text value = carapace_json_text(carapace_json_get(param, "value"));
    snprintf(kept, sizeof kept, "%.*s", (int)value.size, value.data);
    return CARAPACE_TEXT("{\"ok\":{\"ok\":true}}");
  }
  return CARAPACE_TEXT("{\"ok\":null}");
}
static carapace_text refuse(const char *name, carapace_text param) {
  (void)name, (void)param;
  return CARAPACE_TEXT("{\"error\":{\"code\":\"rate_limited\",\"message\":\"too often\",\"retryable\":true,\"retryAfter\":7}}");
}
static carapace_text nonsense(const char *name, carapace_text param) { return (void)name, (void)param, CARAPACE_TEXT("{\"ok\":"); }

static bool parses(const char *text) {
  carapace_json json;
  return carapace_json_parse(text_of(text), &json);
}

int main(void) {
  const char *good[] = {"{}", "[]", "\"\xc3\xa9\\u00e9\\n\"", "-0.5e+3", "0", "null", "true", " {\"a\":[1,{\"b\":null}],\"\":\"\\\"]}\"} ", "1E9"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) TRUE(parses(good[i]) || (fputs(good[i], stderr), false));
  const char *bad[] = {"", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "01", "+1", "-", "1.", "1e", "nulL", "nul", "[}", "{} {}", "\"\\x\"", "\"\\u00g0\"", "\"\\u00", "\"a\nb\"",
    "\"abc", "\"abc\\", "\"\xff\"", "\"\xc0\xaf\"", "\"\xe2\x82\"", "\"\xed\xa0\x80\"", "\xef\xbb\xbf{}", "NaN"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) TRUE(!parses(bad[i]) || (fputs(bad[i], stderr), false));
  char deep[200] = {0};
  memset(deep, '[', 64), memset(deep + 64, ']', 64);
  TRUE(parses(deep));
  memset(deep, '[', 65), memset(deep + 65, ']', 65);
  TRUE(!parses(deep));

  carapace_text answer;
  carapace_test_host = host;
#define CALL(export, input, want) (TRUE(carapace_test_##export(text_of(input), &answer)), SAME(answer, want))
#define FAILS(export, input, want) (TRUE(!carapace_test_##export(text_of(input), &answer)), SAME(answer, want))
  CALL(tool_invoke, "{\"name\":\"say\",\"unknown\":[{}],\"args\":{\"text\":\"x\",\"text\":\"d\\u00e9j\\u00e0 \\ud83d\\ude42 \\ud83d \\\"\\\\\\/\\n\\u0001\",\"int\":\"-9007199254740993\",\"float\":-1.5e3}}",
    "{\"content\":[{\"kind\":\"text\",\"text\":\"d\xc3\xa9j\xc3\xa0 \xf0\x9f\x99\x82 \xef\xbf\xbd \\\"\\\\/\\u000a\\u0001|-9007199254740993|-1500000\"}]}");
  CALL(tool_invoke, "{\"name\":\"say\",\"args\":null}", "{\"content\":[{\"kind\":\"text\",\"text\":\"|0|0\"}]}");
  CALL(tool_invoke, "{\"name\":\"say\",\"args\":{\"text\":123,\"int\":9223372036854775808,\"float\":0.125}}", "{\"content\":[{\"kind\":\"text\",\"text\":\"123|0|125\"}]}");
  CALL(tool_invoke, "{\"name\":\"count\"}", "{\"content\":[{\"kind\":\"text\",\"text\":\"1\"}]}");
  CALL(tool_invoke, "{\"name\":\"count\"}", "{\"content\":[{\"kind\":\"text\",\"text\":\"2\"}]}");
  TRUE(strstr(asked, "kv_put {\"key\":\"n\",\"value\":\"2\"}\nlog_write {\"level\":\"info\",\"message\":\"counted\"}\n") != NULL);
  FAILS(tool_invoke, "{\"name\":\"x\"}", "{\"code\":\"unavailable\",\"message\":\"there is no x\",\"retryable\":true}");
  FAILS(tool_invoke, "{\"name\":\"silent\"}", "{\"code\":\"internal\",\"message\":\"the plugin has failed, and not said why\"}");
  FAILS(tool_invoke, "{\"name\":1}", "{\"code\":\"invalid\",\"message\":\"name: expected a string\"}");
  FAILS(tool_invoke, "[]", "{\"code\":\"invalid\",\"message\":\"json: expected an object\"}");
  FAILS(tool_invoke, "{\"name\":", "{\"code\":\"invalid\",\"message\":\"what the gateway says is not JSON\"}");
  carapace_test_host = refuse;
  FAILS(tool_invoke, "{\"name\":\"count\"}", "{\"code\":\"rate_limited\",\"message\":\"too often\",\"retryable\":true,\"retryAfter\":7}");
  CALL(tool_invoke, "{\"name\":\"despite\"}", "{\"content\":[{\"kind\":\"text\",\"text\":\"too often\"}],\"failed\":true}");
  carapace_test_host = nonsense;
  FAILS(tool_invoke, "{\"name\":\"count\"}", "{\"code\":\"internal\",\"message\":\"the gateway's answer cannot be read\"}");

  const char *bytes[] = {"", "AA==", "AAE=", "AAH/", "Kg=="};
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
    char input[256], want[256];
    snprintf(input, sizeof input, "{\"kind\":\"message\",\"state\":{\"n\":[null]},\"message\":{\"connection\":\"c\",\"bytes\":\"%s\"}}", bytes[i]);
    snprintf(want, sizeof want, "{\"state\":{\"n\":[null]},\"close\":[\"a\",\"c\"],\"frames\":[{\"connection\":\"c\",\"bytes\":\"%s\"}]}", bytes[i]);
    CALL(channel_event, input, want);
  }
  CALL(channel_event, "{\"kind\":\"closed\",\"closed\":{\"code\":1006,\"reason\":\"r\",\"reopensAfter\":5}}", "{\"timers\":[{\"id\":\"r\",\"after\":5}],\"reply\":{\"status\":1006}}");
  CALL(channel_event, "{\"kind\":\"closed\",\"closed\":{\"reason\":\"r\",\"reopensAfter\":null}}", "{\"timers\":[{\"id\":\"r\",\"after\":-1}],\"reply\":{}}");
  CALL(channel_event, "{\"kind\":\"of tomorrow\",\"message\":null}", "{}");
  FAILS(channel_event, "{\"message\":{\"bytes\":\"?\"}}", "{\"code\":\"invalid\",\"message\":\"bytes: expected base64\"}");
  FAILS(channel_event, "{\"closed\":{\"code\":70000}}", "{\"code\":\"invalid\",\"message\":\"code: expected a whole number that fits\"}");
  FAILS(channel_event, "{\"closed\":{\"code\":-1}}", "{\"code\":\"invalid\",\"message\":\"code: expected a whole number that fits\"}");
  FAILS(channel_event, "{\"closed\":{\"code\":1.5}}", "{\"code\":\"invalid\",\"message\":\"code: expected a whole number that fits\"}");
  CALL(hook_handle, "{\"name\":\"message_sending\",\"event\":{\"text\":\"a\\tb\"}}", "{\"modify\":{\"text\":\"a\\u0009b!\",\"list\":[-3,true]}}");
  CALL(hook_handle, "{\"name\":\"agent_end\"}", "{}");

  FAILS(provider_request, "{\"temperature\":0.75}", "{\"code\":\"invalid\",\"message\":\"75\"}");
  FAILS(provider_request, "{}", "{\"code\":\"invalid\",\"message\":\"none\"}");

  carapace_writer w = {0};
  carapace_write_text(&w, CARAPACE_TEXT("\xff\xe2\x82z"));
  SAME(carapace_written(&w), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
  double numbers[] = {0.7, 0, -2, 1e21, 0.1 + 0.2, 1e-7};
  const char *written[] = {"7e-1", "0", "-2", "1e21", "3e-1", "1e-7"};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    carapace_writer n = {0};
    carapace_write_double_(&n, numbers[i]);
    SAME(carapace_written(&n), written[i]);
  }
  carapace_free_();
  return failures > 0;
}
