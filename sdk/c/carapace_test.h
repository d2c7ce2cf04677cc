// A gateway in memory, for tests on the author's own machine:
//
//   #include "plugin.c"
//   #include "carapace_test.h"
//
//   carapace_test_host = carapace_test_gateway;
//   carapace_test_set(&carapace_test_kv, "Ada", "6");
//
// It keeps records, fills credentials in where the gateway does it, has carapace_test_http answer requests, and notes all that a plugin
// asks for. What it does not know (agents, sessions, other plugins' tools, signatures, sockets) carapace_test_more answers, where a test
// sets that. It is not safe for threads.
#ifndef CARAPACE_TEST_H
#define CARAPACE_TEST_H

#include "carapace.h"

// ---- What there is. Names and values are copied, and stay until they are replaced; NULL as a value takes one away.

typedef struct carapace_test_entry {
  struct carapace_test_entry *next;
  char *name;
  carapace_text value;
} carapace_test_entry;

// The plugin's records; its credentials; the configurations of accounts, and files (`{"mime":"image/png","size":3}`), in JSON.
static carapace_test_entry *carapace_test_kv, *carapace_test_credentials, *carapace_test_accounts, *carapace_test_media;
// The plugin's configuration.
static carapace_json carapace_test_config = {"{}", 2};
// Answers a request, an object with method, url, headers by their names in lower case, and text, json, bytes, parts or media as the
// plugin wrote them, by a response of the contract: `{"status":200,"text":"…"}`. Without it requests are forbidden.
static carapace_json (*carapace_test_http)(carapace_json request);
// Answers what the rest does not know, as carapace_test_host does.
static carapace_text (*carapace_test_more)(const char *name, carapace_text param);
// What the plugin has asked for, the last first: the contract's name and the parameter, such as log_write, emit_publish, schedule_set and
// message_send.
static carapace_test_entry *carapace_test_asked;

static inline carapace_text carapace_test_copy_(carapace_text text) {
  char *data = malloc(text.size + 1);
  if (data == NULL) abort();
  if (text.size > 0) memcpy(data, text.data, text.size);
  data[text.size] = 0;
  return (carapace_text){data, text.size};
}

static inline void carapace_test_put_(carapace_test_entry **list, carapace_text name, carapace_text value) {
  carapace_test_entry *entry = calloc(1, sizeof *entry);
  if (entry == NULL) abort();
  entry->next = *list, entry->value = carapace_test_copy_(value), entry->name = (char *)carapace_test_copy_(name).data;
  *list = entry;
}

static inline void carapace_test_pop_(carapace_test_entry **at) {
  carapace_test_entry *entry = *at;
  *at = entry->next;
  free((void *)entry->value.data), free(entry->name), free(entry);
}

static inline void carapace_test_drop_(carapace_test_entry **list, carapace_text name) {
  while (*list != NULL)
    if (carapace_is(name, (*list)->name)) carapace_test_pop_(list);
    else list = &(*list)->next;
}

// Sets an entry.
static inline void carapace_test_set(carapace_test_entry **list, const char *name, const char *value) {
  carapace_test_drop_(list, (carapace_text){name, strlen(name)});
  if (value != NULL) carapace_test_put_(list, (carapace_text){name, strlen(name)}, (carapace_text){value, strlen(value)});
}

static inline carapace_text carapace_test_find_(carapace_test_entry *list, carapace_text name) {
  for (; list != NULL; list = list->next)
    if (carapace_is(name, list->name)) return list->value;
  return (carapace_text){NULL, 0};
}

// The value of an entry, or of what was asked for last by that name; its data is NULL where there is none.
static inline carapace_text carapace_test_get(carapace_test_entry *list, const char *name) {
  return carapace_test_find_(list, (carapace_text){name, strlen(name)});
}

// Forgets all that was set and asked for.
static inline void carapace_test_reset(void) {
  carapace_test_entry **all[] = {&carapace_test_kv, &carapace_test_credentials, &carapace_test_accounts, &carapace_test_media, &carapace_test_asked};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    while (*all[i] != NULL) carapace_test_pop_(all[i]);
  carapace_test_config = CARAPACE_TEXT("{}"), carapace_test_http = NULL, carapace_test_more = NULL;
}

// ---- What it answers.

static inline carapace_text carapace_test_ok_(carapace_json value) { return CARAPACE_JOIN(CARAPACE_TEXT("{\"ok\":"), value, CARAPACE_TEXT("}")); }

static inline carapace_text carapace_test_error_(const char *code, carapace_text what, carapace_text name) {
  carapace_writer w = {0};
  carapace_write_object(&w), carapace_write_name(&w, "error"), carapace_write_object(&w);
  carapace_write_name(&w, "code"), carapace_write_text(&w, (carapace_text){code, strlen(code)});
  carapace_write_name(&w, "message"), carapace_write_text(&w, CARAPACE_JOIN(what, name));
  carapace_write_end(&w, '}'), carapace_write_end(&w, '}');
  return (carapace_text){w.data, w.size};
}

static inline carapace_text carapace_test_field_(const char *name, carapace_json value) {
  carapace_writer w = {0};
  carapace_write_object(&w), carapace_write_name(&w, name), carapace_write_json(&w, value), carapace_write_end(&w, '}');
  return carapace_test_ok_((carapace_text){w.data, w.size});
}

static inline carapace_json carapace_test_string_(carapace_text text) {
  carapace_writer w = {0};
  carapace_write_text(&w, text);
  return (carapace_json){w.data, w.size};
}

// A text with its placeholders replaced; missing is the name of a credential that is not set.
static inline carapace_text carapace_test_filled_(carapace_text text, carapace_text *missing) {
  carapace_text filled = {"", 0};
  for (size_t i = 0, from = 0; i <= text.size; i++) {
    static const char head[] = "{{credential:";
    size_t end = i + sizeof head - 1;
    if (i == text.size) return CARAPACE_JOIN(filled, (carapace_text){text.data + from, i - from});
    if (end > text.size || memcmp(text.data + i, head, sizeof head - 1) != 0) continue;
    size_t start = end;
    while (end < text.size && (text.data[end] == '_' || text.data[end] == '-' || text.data[end] == '.' || (text.data[end] >= '0' && text.data[end] <= '9') ||
                               ((text.data[end] | 32) >= 'a' && (text.data[end] | 32) <= 'z'))) end++;
    if (end == start || end + 2 > text.size || text.data[end] != '}' || text.data[end + 1] != '}') continue;
    carapace_text name = {text.data + start, end - start}, value = carapace_test_find_(carapace_test_credentials, name);
    if (value.data == NULL) *missing = name;
    filled = CARAPACE_JOIN(filled, (carapace_text){text.data + from, i - from}, value);
    from = end + 2, i = from - 1;
  }
  return filled;
}

// The address of a request: credentials are filled into its path, and into its query where the request says fill.
static inline carapace_text carapace_test_url_(carapace_text url, bool fill, carapace_text *missing) {
  size_t path = 0;
  while (path < url.size && url.data[path] != '?') path++;
  carapace_text query = {url.data + path, url.size - path};
  return CARAPACE_JOIN(carapace_test_filled_((carapace_text){url.data, path}, missing), fill ? carapace_test_filled_(query, missing) : query);
}

static inline carapace_text carapace_test_login_(carapace_json basic, carapace_text *missing) {
  carapace_text name = carapace_json_text(carapace_json_get(basic, "password")), password = carapace_test_find_(carapace_test_credentials, name);
  if (password.data == NULL) *missing = name;
  carapace_text pair = CARAPACE_JOIN(carapace_json_text(carapace_json_get(basic, "user")), CARAPACE_TEXT(":"), password);
  carapace_writer w = {0};
  carapace_write_base64_(&w, (carapace_bytes){(const uint8_t *)pair.data, pair.size});
  return CARAPACE_JOIN(CARAPACE_TEXT("Basic "), carapace_json_text((carapace_json){w.data, w.size}));
}

static inline void carapace_test_headers_(carapace_writer *w, carapace_json request, carapace_text *missing) {
  size_t count;
  carapace_json *headers = carapace_json_items(carapace_json_get(request, "headers"), &count), basic = carapace_json_get(request, "basic");
  carapace_write_name(w, "headers"), carapace_write_object(w);
  for (size_t i = 0; i < count; i++) {
    carapace_text name = carapace_json_text(carapace_json_get(headers[i], "name"));
    char *lower = carapace_alloc(name.size + 1);
    for (size_t k = 0; k < name.size; k++) lower[k] = (char)(name.data[k] >= 'A' && name.data[k] <= 'Z' ? name.data[k] + 32 : name.data[k]);
    carapace_write_name(w, lower), carapace_write_text(w, carapace_test_filled_(carapace_json_text(carapace_json_get(headers[i], "value")), missing));
  }
  if (carapace_json_exists(basic)) carapace_write_name(w, "authorization"), carapace_write_text(w, carapace_test_login_(basic, missing));
  carapace_write_end(w, '}');
}

static inline carapace_text carapace_test_requested_(carapace_json request) {
  if (carapace_test_http == NULL) return carapace_test_error_("forbidden", CARAPACE_TEXT("the test's gateway has no carapace_test_http"), CARAPACE_TEXT(""));
  bool fill = carapace_json_bool(carapace_json_get(request, "fill"));
  carapace_text missing = {NULL, 0}, method = carapace_json_text(carapace_json_get(request, "method"));
  carapace_writer w = {0};
  carapace_write_object(&w);
  carapace_write_name(&w, "method"), carapace_write_text(&w, method.size == 0 ? CARAPACE_TEXT("GET") : method);
  carapace_write_name(&w, "url"), carapace_write_text(&w, carapace_test_url_(carapace_json_text(carapace_json_get(request, "url")), fill, &missing));
  carapace_test_headers_(&w, request, &missing);
  for (const char *const *name = (const char *const[]){"text", "json", "bytes", "parts", "media", NULL}; *name != NULL; name++) {
    carapace_json value = carapace_json_get(request, *name);
    if (carapace_json_exists(value)) carapace_write_name(&w, *name), carapace_write_json(&w, fill ? carapace_test_filled_(value, &missing) : value);
  }
  carapace_write_end(&w, '}');
  if (missing.data != NULL) return carapace_test_error_("unauthorized", CARAPACE_TEXT("this credential is not set: "), missing);
  return carapace_test_ok_(carapace_test_http((carapace_json){w.data, w.size}));
}

// The names of records, sorted.
static inline carapace_text carapace_test_keys_(carapace_json param) {
  carapace_text prefix = carapace_json_text(carapace_json_get(param, "prefix")), last = {"", 0};
  int64_t limit = carapace_json_int(carapace_json_get(param, "limit"));
  carapace_writer w = {0};
  carapace_write_array(&w);
  for (int64_t n = 0; n < (limit <= 0 ? 100 : limit > 1000 ? 1000 : limit); n++) {
    const char *next = NULL;
    for (carapace_test_entry *entry = carapace_test_kv; entry != NULL; entry = entry->next)
      if (strncmp(entry->name, prefix.size > 0 ? prefix.data : "", prefix.size) == 0 && (n == 0 || strcmp(entry->name, last.data) > 0) && (next == NULL || strcmp(entry->name, next) < 0))
        next = entry->name;
    if (next == NULL) break;
    last = (carapace_text){next, strlen(next)};
    carapace_write_text(&w, last);
  }
  carapace_write_end(&w, ']');
  return carapace_test_field_("keys", (carapace_json){w.data, w.size});
}

static inline carapace_text carapace_test_file_(bool link, carapace_json param) {
  carapace_text id = carapace_json_text(carapace_json_get(param, "media")), info = carapace_test_find_(carapace_test_media, id);
  if (info.data == NULL) return carapace_test_error_("not_found", CARAPACE_TEXT("there is no file "), id);
  return link ? carapace_test_field_("url", carapace_test_string_(CARAPACE_JOIN(CARAPACE_TEXT("https://gateway.test/media/"), id))) : carapace_test_ok_(info);
}

static inline carapace_text carapace_test_section_(carapace_json param) {
  carapace_json account = carapace_json_get(param, "account");
  if (!carapace_json_exists(account)) return carapace_test_field_("value", carapace_test_config);
  carapace_text value = carapace_test_find_(carapace_test_accounts, carapace_json_text(account));
  if (value.data == NULL) return carapace_test_error_("not_found", CARAPACE_TEXT("there is no account "), carapace_json_text(account));
  return carapace_test_field_("value", value);
}

// The gateway, for carapace_test_host.
static inline carapace_text carapace_test_gateway(const char *name, carapace_text param) {
  carapace_text called = {name, strlen(name)}, key = carapace_json_text(carapace_json_get(param, "key"));
  carapace_test_put_(&carapace_test_asked, called, param);
  if (carapace_is(called, "config_get")) return carapace_test_section_(param);
  if (carapace_is(called, "kv_keys")) return carapace_test_keys_(param);
  if (carapace_is(called, "http_request")) return carapace_test_requested_(param);
  if (carapace_is(called, "media_stat") || carapace_is(called, "media_link")) return carapace_test_file_(carapace_is(called, "media_link"), param);
  if (carapace_is(called, "kv_get")) {
    carapace_text value = carapace_test_find_(carapace_test_kv, key);
    return carapace_test_field_("value", value.data == NULL ? (carapace_json){NULL, 0} : carapace_test_string_(value));
  }
  if (carapace_is(called, "credential_has"))
    return carapace_test_field_("present", carapace_test_find_(carapace_test_credentials, carapace_json_text(carapace_json_get(param, "name"))).data != NULL ? CARAPACE_TEXT("true") : CARAPACE_TEXT("false"));
  if (carapace_is(called, "kv_put") || carapace_is(called, "kv_delete")) {
    carapace_test_drop_(&carapace_test_kv, key);
    if (carapace_is(called, "kv_put")) carapace_test_put_(&carapace_test_kv, key, carapace_json_text(carapace_json_get(param, "value")));
  } else if (carapace_is(called, "schedule_set")) {
    return carapace_test_field_("next", carapace_json_get(param, "at"));
  } else if (carapace_is(called, "message_send")) {
    return carapace_test_field_("delivery", carapace_test_string_(CARAPACE_JOIN(CARAPACE_TEXT("plugin:test:"), carapace_json_text(carapace_json_get(param, "idempotencyKey")))));
  } else if (!carapace_is(called, "log_write") && !carapace_is(called, "emit_publish") && !carapace_is(called, "progress_report") && !carapace_is(called, "schedule_cancel")) {
    return carapace_test_more != NULL ? carapace_test_more(name, param) : carapace_test_error_("not_found", CARAPACE_TEXT("the test's gateway knows no "), called);
  }
  return CARAPACE_TEXT("{\"ok\":{\"ok\":true}}");
}

#endif
