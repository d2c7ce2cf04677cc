// carapace.h is the SDK for C: what a plugin for the carapace gateway is written with. It needs no C library.
//
//   clang --target=wasm32 -std=c11 -Oz -nostdlib -mbulk-memory -Wl,--no-entry -o plugin.wasm plugin.c
//
// A plugin defines a handler for each export that its manifest needs, and names it in the macro of that export:
//
//   static bool roll(const carapace_tool_invocation *call, carapace_tool_output *output) { … }
//   CARAPACE_TOOL_INVOKE(roll)
//
// Memory. All that a call is given, and all that is made while it runs, belongs to the call: it is there until the call has
// been answered, and nobody frees it. So nothing of it may be kept in a static variable. What the functions here take is only
// read, and has to be there until the call is answered.
//
// Absence. Of what is optional in the contract a text, bytes or JSON is absent where its data is NULL, and anything else where
// the pointer is NULL. Zeroed memory is an empty record; a handler's answer is one before the handler runs.
//
// Failure. A handler that fails says why by carapace_fail and returns false. What is asked of the gateway, by carapace_host_…, returns false where
// it fails, with the reason in carapace_failure, so `if (!carapace_host_kv_get(&key, &value)) return false;` hands it on.
#ifndef CARAPACE_H
#define CARAPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A text in UTF-8. It does not end in a zero byte.
typedef struct {
  const char *data;
  size_t size;
} carapace_text;

typedef struct {
  const uint8_t *data;
  size_t size;
} carapace_bytes;

// A JSON value as it is written, without white space around it; absent where data is NULL. What is read is JSON. See the
// functions that begin with carapace_json_.
typedef carapace_text carapace_json;

// The text of a literal, also for static data.
#define CARAPACE_TEXT(literal) ((carapace_text){literal, sizeof(literal) - 1})

// How a record is read and written.
enum { CARAPACE_TEXT_, CARAPACE_BOOL_, CARAPACE_JSON_, CARAPACE_BYTES_, CARAPACE_U16_, CARAPACE_U32_, CARAPACE_U64_, CARAPACE_S32_, CARAPACE_S64_, CARAPACE_F64_, CARAPACE_ENUM_, CARAPACE_RECORD_ };
enum { CARAPACE_ONE_, CARAPACE_OPTION_, CARAPACE_LIST_ };
typedef struct carapace_type carapace_type;
typedef struct {
  const char *name;
  const carapace_type *type; // of a record or an enum
  uint16_t offset;
  uint8_t kind, shape;
} carapace_field;
struct carapace_type {
  const carapace_field *fields;
  const char *const *cases;
  uint16_t size;
  int16_t count; // of the fields or cases
};

// ---- The records of the contract.

/*records*/
// ---- Memory.

#ifdef __wasm__

#define CARAPACE_IMPORT(from, name) __attribute__((import_module(from), import_name(name)))
#define CARAPACE_EXPORT(name) __attribute__((export_name(name), used))

// What compilers call by themselves.
__attribute__((weak, no_builtin)) void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  for (size_t i = 0; i < size; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}
__attribute__((weak, no_builtin)) void *memmove(void *to, const void *from, size_t size) {
  if ((uintptr_t)to < (uintptr_t)from) return memcpy(to, from, size);
  while (size-- > 0) ((volatile char *)to)[size] = ((const char *)from)[size];
  return to;
}
__attribute__((weak, no_builtin)) void *memset(void *to, int value, size_t size) {
  for (size_t i = 0; i < size; i++) ((volatile char *)to)[i] = (char)value;
  return to;
}
__attribute__((weak, no_builtin)) int memcmp(const void *a, const void *b, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i]) return ((const uint8_t *)a)[i] < ((const uint8_t *)b)[i] ? -1 : 1;
  return 0;
}

extern char __heap_base;
static uintptr_t carapace_top_;

static inline void carapace_free_(void) { carapace_top_ = (uintptr_t)&__heap_base; }

// Memory of the call, zeroed. Where there is no more, the call ends.
static inline void *carapace_alloc(size_t size) {
  if (carapace_top_ == 0) carapace_free_();
  uintptr_t at = (carapace_top_ + 15) & ~(uintptr_t)15, pages = __builtin_wasm_memory_size(0);
  if (size > ((uintptr_t)1 << 30)) __builtin_trap();
  uintptr_t end = at + size, needed = (end + 0xffff) >> 16;
  if (needed > pages && __builtin_wasm_memory_grow(0, needed - pages) == (size_t)-1) __builtin_trap();
  carapace_top_ = end;
  return memset((void *)at, 0, size);
}

#else // a test on the author's own machine; see carapace_test_host

#include <stdlib.h>
#include <string.h>

#define CARAPACE_IMPORT(from, name)
#define CARAPACE_EXPORT(name)

typedef struct carapace_block_ {
  struct carapace_block_ *next;
  max_align_t data[];
} carapace_block_;
static carapace_block_ *carapace_blocks_;

static inline void carapace_free_(void) {
  while (carapace_blocks_ != NULL) {
    carapace_block_ *next = carapace_blocks_->next;
    free(carapace_blocks_);
    carapace_blocks_ = next;
  }
}

static inline void *carapace_alloc(size_t size) {
  carapace_block_ *block = calloc(1, sizeof(carapace_block_) + size);
  if (block == NULL) abort();
  block->next = carapace_blocks_;
  carapace_blocks_ = block;
  return block->data;
}

#endif

// A copy of count items of a size each, in the call's memory: what is to be there when the handler has returned.
static inline void *carapace_keep(const void *items, size_t count, size_t size) {
  void *kept = carapace_alloc(count * size);
  if (count > 0) memcpy(kept, items, count * size);
  return kept;
}

// A pointer to a value in the call's memory, for what is optional: `.retry_after = CARAPACE_SOME(int64_t, 5000)`.
#define CARAPACE_SOME(type, ...) ((type *)carapace_keep(&(type){__VA_ARGS__}, 1, sizeof(type)))

// Items of a list in the call's memory: `.content = CARAPACE_ITEMS(carapace_part, {.text = …}), .content_count = 1`.
#define CARAPACE_ITEMS(type, ...) \
  ((type *)carapace_keep((type[]){__VA_ARGS__}, sizeof((type[]){__VA_ARGS__}) / sizeof(type), sizeof(type)))

// ---- Texts.

static inline bool carapace_equal(carapace_text a, carapace_text b) { return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0); }

static inline bool carapace_is(carapace_text text, const char *word) {
  size_t i = 0;
  for (; i < text.size; i++)
    if (word[i] == 0 || word[i] != text.data[i]) return false;
  return word[i] == 0;
}

// Texts one behind the other.
static inline carapace_text carapace_join_(const carapace_text *texts, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += texts[i].size;
  char *data = carapace_alloc(size + 1), *to = data;
  for (size_t i = 0; i < count; to += texts[i++].size)
    if (texts[i].size > 0) memcpy(to, texts[i].data, texts[i].size);
  return (carapace_text){data, size};
}
#define CARAPACE_JOIN(...) carapace_join_((carapace_text[]){__VA_ARGS__}, sizeof((carapace_text[]){__VA_ARGS__}) / sizeof(carapace_text))

static inline carapace_text carapace_digits_(bool minus, uint64_t value) {
  char *end = (char *)carapace_alloc(24) + 24, *at = end;
  do *--at = (char)('0' + value % 10);
  while (value /= 10);
  if (minus) *--at = '-';
  return (carapace_text){at, (size_t)(end - at)};
}

// The digits of a number.
static inline carapace_text carapace_number(int64_t value) { return carapace_digits_(value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value); }

// ---- Writing JSON.

// JSON under construction, zeroed at first. A field is a name and then a value:
//
//   carapace_writer w = {0};
//   carapace_write_object(&w);
//   carapace_write_name(&w, "city"), carapace_write_text(&w, city);
//   carapace_write_end(&w, '}');
//   carapace_json json = carapace_written(&w);
typedef struct {
  char *data;
  size_t size, room;
  bool behind; // a value stands before the next one
} carapace_writer;

static inline void carapace_put_(carapace_writer *w, const char *data, size_t size) {
  if (w->size + size > w->room) {
    w->room = (w->size + size) * 2 + 64;
    char *data = carapace_alloc(w->room);
    if (w->size > 0) memcpy(data, w->data, w->size);
    w->data = data;
  }
  if (size > 0) memcpy(w->data + w->size, data, size);
  w->size += size;
}

static inline void carapace_value_(carapace_writer *w) {
  if (w->behind) carapace_put_(w, ",", 1);
  w->behind = true;
}

static inline void carapace_write_object(carapace_writer *w) { carapace_value_(w), carapace_put_(w, "{", 1), w->behind = false; }
static inline void carapace_write_array(carapace_writer *w) { carapace_value_(w), carapace_put_(w, "[", 1), w->behind = false; }
// Ends an object, '}', or an array, ']'.
static inline void carapace_write_end(carapace_writer *w, char with) { carapace_put_(w, &with, 1), w->behind = true; }

// How many bytes of UTF-8 a character has that begins a text, 0 where it is none.
static inline size_t carapace_utf8_(const char *text, size_t size) {
  const uint8_t *c = (const uint8_t *)text;
  if (c[0] < 0x80) return 1;
  size_t n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
  if (c[0] < 0xc2 || c[0] > 0xf4 || n > size) return 0;
  for (size_t i = 1; i < n; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f)) return 0;
  return n;
}

// Writes a string. What is no UTF-8 in it becomes U+FFFD.
static inline void carapace_write_text(carapace_writer *w, carapace_text text) {
  carapace_value_(w), carapace_put_(w, "\"", 1);
  for (size_t i = 0, from = 0; i <= text.size;) {
    size_t n = i < text.size ? carapace_utf8_(text.data + i, text.size - i) : 0;
    uint8_t c = i < text.size ? (uint8_t)text.data[i] : 0;
    if (n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\')) {
      i += n;
      continue;
    }
    carapace_put_(w, text.data + from, i - from);
    if (i == text.size) break;
    char escaped[6] = {'\\', 'u', '0', '0', (char)('0' + (c >> 4)), "0123456789abcdef"[c & 15]};
    if (n == 0) carapace_put_(w, "\xef\xbf\xbd", 3);
    else if (c >= 0x20) escaped[1] = (char)c, carapace_put_(w, escaped, 2);
    else carapace_put_(w, escaped, 6);
    from = ++i;
  }
  carapace_put_(w, "\"", 1);
}

static inline void carapace_write_name(carapace_writer *w, const char *name) {
  size_t size = 0;
  while (name[size] != 0) size++;
  carapace_write_text(w, (carapace_text){name, size}), carapace_put_(w, ":", 1), w->behind = false;
}

// Writes a value that is JSON already, null where it is absent.
static inline void carapace_write_json(carapace_writer *w, carapace_json json) {
  if (json.size == 0) json = CARAPACE_TEXT("null");
  carapace_value_(w), carapace_put_(w, json.data, json.size);
}
static inline void carapace_write_int(carapace_writer *w, int64_t value) { carapace_write_json(w, carapace_number(value)); }
static inline void carapace_write_bool(carapace_writer *w, bool value) { carapace_write_json(w, value ? CARAPACE_TEXT("true") : CARAPACE_TEXT("false")); }

static inline void carapace_write_base64_(carapace_writer *w, carapace_bytes bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  carapace_value_(w), carapace_put_(w, "\"", 1);
  for (size_t i = 0; i < bytes.size; i += 3) {
    size_t left = bytes.size - i;
    uint32_t bits = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) | (left > 2 ? bytes.data[i + 2] : 0);
    char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], left > 1 ? digits[bits >> 6 & 63] : '=', left > 2 ? digits[bits & 63] : '='};
    carapace_put_(w, four, 4);
  }
  carapace_put_(w, "\"", 1);
}

static inline carapace_json carapace_written(const carapace_writer *w) { return (carapace_json){w->data, w->size}; }

// ---- Reading JSON.

typedef struct {
  const char *at, *end;
  carapace_text name;    // the field whose value comes next
  const char *problem;   // what was wrong first
  carapace_text problem_at;
} carapace_reader_;

static inline void carapace_space_(carapace_reader_ *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}
static inline char carapace_peek_(carapace_reader_ *r) {
  carapace_space_(r);
  return r->at < r->end ? *r->at : 0;
}

static inline int carapace_hex_(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

static inline bool carapace_check_string_(carapace_reader_ *r) {
  for (r->at++; r->at < r->end && *r->at != '"';) {
    if ((uint8_t)*r->at < 0x20) return false;
    if (*r->at != '\\') {
      size_t n = carapace_utf8_(r->at, (size_t)(r->end - r->at));
      if (n == 0) return false;
      r->at += n;
      continue;
    }
    if (++r->at == r->end) return false;
    char c = *r->at++;
    if (c == 'u') {
      for (int i = 0; i < 4; i++, r->at++)
        if (r->at == r->end || carapace_hex_(*r->at) < 0) return false;
    } else if (c != '"' && c != '\\' && c != '/' && c != 'b' && c != 'f' && c != 'n' && c != 'r' && c != 't') return false;
  }
  return r->at++ < r->end;
}

static inline bool carapace_check_digits_(carapace_reader_ *r) {
  const char *from = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
  return r->at > from;
}

static inline bool carapace_check_word_(carapace_reader_ *r) {
  size_t left = (size_t)(r->end - r->at);
  const char *word = *r->at == 't' ? "true" : *r->at == 'f' ? "false" : *r->at == 'n' ? "null" : NULL;
  if (word != NULL) {
    size_t n = *r->at == 'f' ? 5 : 4;
    if (left < n || !carapace_is((carapace_text){r->at, n}, word)) return false;
    r->at += n;
    return true;
  }
  if (*r->at == '-') r->at++;
  bool zero = r->at < r->end && *r->at == '0';
  const char *whole = r->at;
  if (!carapace_check_digits_(r) || (zero && r->at - whole > 1)) return false;
  if (r->at < r->end && *r->at == '.' && (r->at++, !carapace_check_digits_(r))) return false;
  if (r->at == r->end || (*r->at | 32) != 'e') return true;
  if (++r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
  return carapace_check_digits_(r);
}

// Passes over a value, unless it is not JSON or nests deeper than that.
static inline bool carapace_check_(carapace_reader_ *r, int depth) {
  char c = carapace_peek_(r);
  if (c == 0) return false;
  if (c == '"') return carapace_check_string_(r);
  if (c != '{' && c != '[') return carapace_check_word_(r);
  if (depth == 0) return false;
  char close = c == '{' ? '}' : ']';
  r->at++;
  if (carapace_peek_(r) == close) return r->at++, true;
  for (;;) {
    if (close == '}') {
      if (carapace_peek_(r) != '"' || !carapace_check_string_(r) || carapace_peek_(r) != ':') return false;
      r->at++;
    }
    if (!carapace_check_(r, depth - 1)) return false;
    c = carapace_peek_(r);
    if (c != close && c != ',') return false;
    r->at++;
    if (c == close) return true;
  }
}

// Checks that a text is one JSON value, nested at most 64 deep, and gives it without the white space around it.
static inline bool carapace_json_parse(carapace_text text, carapace_json *json) {
  carapace_reader_ r = {.at = text.data, .end = text.data + text.size};
  *json = (carapace_json){NULL, 0};
  if (text.size == 0) return false;
  carapace_space_(&r);
  const char *from = r.at;
  if (!carapace_check_(&r, 64)) return false;
  carapace_json found = {from, (size_t)(r.at - from)};
  carapace_space_(&r);
  if (r.at < r.end) return false;
  *json = found;
  return true;
}

// Passes over a value, which has been checked.
static inline carapace_json carapace_raw_(carapace_reader_ *r) {
  carapace_space_(r);
  const char *from = r->at;
  for (int depth = 0; r->at < r->end;) {
    char c = *r->at++;
    if (c == '"') {
      while (r->at < r->end && *r->at != '"') r->at += *r->at == '\\' && r->end - r->at > 1 ? 2 : 1;
      r->at++;
    } else if (c == '{' || c == '[') depth++;
    else if (c == '}' || c == ']') depth--;
    if (depth > 0) continue;
    if (c == '"' || c == '}' || c == ']') break;
    if (r->at == r->end || *r->at == ',' || *r->at == '}' || *r->at == ']' || (uint8_t)*r->at <= ' ') break;
  }
  return (carapace_json){from, (size_t)(r->at - from)};
}

// The text of a string as it is written.
static inline carapace_text carapace_unescape_(carapace_json written) {
  const char *at = written.data + 1, *end = written.data + written.size - 1;
  bool plain = true;
  for (const char *c = at; c < end && plain; c++) plain = *c != '\\';
  if (plain) return (carapace_text){at, (size_t)(end - at)};
  char *data = carapace_alloc((size_t)(end - at)), *to = data;
  while (at < end) {
    if (*at != '\\') {
      *to++ = *at++;
      continue;
    }
    char c = at[1];
    at += 2;
    if (c != 'u') {
      *to++ = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
      continue;
    }
    uint32_t code = 0, low = 0;
    for (int i = 0; i < 4; i++) code = code << 4 | (uint32_t)carapace_hex_(*at++);
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
      for (int i = 2; i < 6; i++) low = low << 4 | (uint32_t)carapace_hex_(at[i]);
      if (low >= 0xdc00 && low < 0xe000) code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), at += 6;
    }
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd; // half of a character
    if (code < 0x80) *to++ = (char)code;
    else if (code < 0x800) *to++ = (char)(0xc0 | code >> 6), *to++ = (char)(0x80 | (code & 63));
    else if (code < 0x10000) *to++ = (char)(0xe0 | code >> 12), *to++ = (char)(0x80 | (code >> 6 & 63)), *to++ = (char)(0x80 | (code & 63));
    else *to++ = (char)(0xf0 | code >> 18), *to++ = (char)(0x80 | (code >> 12 & 63)), *to++ = (char)(0x80 | (code >> 6 & 63)), *to++ = (char)(0x80 | (code & 63));
  }
  return (carapace_text){data, (size_t)(to - data)};
}

static inline bool carapace_json_exists(carapace_json json) { return json.size > 0 && json.data[0] != 'n'; }
static inline bool carapace_json_is_object(carapace_json json) { return json.size > 0 && json.data[0] == '{'; }
static inline bool carapace_json_is_array(carapace_json json) { return json.size > 0 && json.data[0] == '['; }
static inline bool carapace_json_is_text(carapace_json json) { return json.size > 0 && json.data[0] == '"'; }

// Goes to the next field of an object, or the next item of an array, unless it has ended.
static inline bool carapace_next_(carapace_reader_ *r, bool object) {
  char c = carapace_peek_(r);
  if (c == ',') r->at++, c = carapace_peek_(r);
  if (c == 0 || c == '}' || c == ']') return r->at++, false;
  if (object) r->name = carapace_unescape_(carapace_raw_(r)), carapace_space_(r), r->at++;
  return true;
}

// A field of an object, of several with one name the last; absent where there is none, and in what is no object.
static inline carapace_json carapace_json_get(carapace_json json, const char *name) {
  carapace_json found = {NULL, 0};
  if (!carapace_json_is_object(json)) return found;
  carapace_reader_ r = {.at = json.data + 1, .end = json.data + json.size};
  while (carapace_next_(&r, true)) {
    carapace_json value = carapace_raw_(&r);
    if (carapace_is(r.name, name)) found = value;
  }
  return found;
}

// The items of an array, in the call's memory, and how many there are; none of what is no array.
static inline carapace_json *carapace_json_items(carapace_json json, size_t *count) {
  carapace_json *items = NULL;
  for (int pass = 0; pass < 2; pass++) {
    *count = 0;
    if (!carapace_json_is_array(json)) return items;
    carapace_reader_ r = {.at = json.data + 1, .end = json.data + json.size};
    while (carapace_next_(&r, false)) {
      carapace_json value = carapace_raw_(&r);
      if (pass > 0) items[*count] = value;
      ++*count;
    }
    if (pass == 0) items = carapace_alloc(*count * sizeof(carapace_json));
  }
  return items;
}

// A string; of a number its digits, for platforms differ in how they write ids; empty otherwise.
static inline carapace_text carapace_json_text(carapace_json json) {
  if (carapace_json_is_text(json)) return carapace_unescape_(json);
  if (json.size > 0 && (json.data[0] == '-' || (json.data[0] >= '0' && json.data[0] <= '9'))) return json;
  return (carapace_text){NULL, 0};
}

static inline bool carapace_json_bool(carapace_json json) { return json.size > 0 && json.data[0] == 't'; }

// A number, to 15 digits at least. A string of digits counts too.
static inline double carapace_json_float(carapace_json json) {
  carapace_text digits = carapace_json_text(json);
  double value = 0;
  int shift = 0, exponent = 0;
  bool minus = false, point = false;
  for (size_t i = 0; i < digits.size; i++) {
    char c = digits.data[i];
    if (c == '-') minus = true;
    else if (c == '.') point = true;
    else if ((c | 32) == 'e') {
      bool less = ++i < digits.size && digits.data[i] == '-';
      if (i < digits.size && (less || digits.data[i] == '+')) i++;
      for (; i < digits.size && exponent < 1000; i++) exponent = exponent * 10 + (digits.data[i] - '0');
      if (less) exponent = -exponent;
      break;
    } else value = value * 10 + (c - '0'), shift += point;
  }
  double by = 1;
  exponent -= shift;
  for (int i = exponent < 0 ? -exponent : exponent; i > 0 && i < 400; i--) by *= 10;
  value = exponent < -308 ? value / 1e308 / (by / 1e308) : exponent < 0 ? value / by : value * by;
  return minus ? -value : value;
}

// A whole number; what is behind the point of another one is cut off, and one that does not fit is 0. A string of digits
// counts too.
static inline int64_t carapace_json_int(carapace_json json) {
  carapace_text digits = carapace_json_text(json);
  uint64_t value = 0;
  bool minus = digits.size > 0 && digits.data[0] == '-';
  for (size_t i = minus; i < digits.size; i++) {
    char c = digits.data[i];
    if (c < '0' || c > '9') {
      double whole = carapace_json_float(json);
      return whole > -9e18 && whole < 9e18 ? (int64_t)whole : 0;
    }
    if (value > (UINT64_MAX - 9) / 10) return 0;
    value = value * 10 + (uint64_t)(c - '0');
  }
  if (value > (uint64_t)INT64_MAX + minus) return 0;
  return (int64_t)(minus ? 0 - value : value);
}

static inline int carapace_base64_digit_(char c) {
  return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

static inline bool carapace_base64_(carapace_text text, carapace_bytes *bytes) {
  size_t n = text.size;
  if (n % 4 != 0) return false;
  while (n > 0 && text.size - n < 2 && text.data[n - 1] == '=') n--;
  uint8_t *data = carapace_alloc(n * 3 / 4 + 1), *to = data;
  uint32_t bits = 0;
  for (size_t i = 0; i < n; i++) {
    int digit = carapace_base64_digit_(text.data[i]);
    if (digit < 0) return false;
    bits = bits << 6 | (uint32_t)digit;
    if (i % 4 > 0) *to++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
  }
  *bytes = (carapace_bytes){data, (size_t)(to - data)};
  return true;
}

// ---- Records.

static inline void carapace_expected_(carapace_reader_ *r, const char *problem) {
  if (r->problem == NULL) r->problem = problem, r->problem_at = r->name;
}

static inline void carapace_read_record_(carapace_reader_ *r, const carapace_type *type, void *record);

static inline void carapace_read_number_(carapace_reader_ *r, int kind, void *to, carapace_json json) {
  if (json.data[0] == '"' || carapace_json_text(json).size == 0) {
    carapace_expected_(r, "expected a number");
    return;
  }
  if (kind == CARAPACE_F64_) {
    *(double *)to = carapace_json_float(json);
    return;
  }
  uint64_t value = 0;
  bool minus = json.data[0] == '-', fits = true;
  for (size_t i = minus; i < json.size; i++) {
    if (json.data[i] < '0' || json.data[i] > '9' || value > (UINT64_MAX - 9) / 10) fits = false;
    value = value * 10 + (uint64_t)(json.data[i] - '0');
  }
  uint64_t most = kind == CARAPACE_U16_ ? UINT16_MAX : kind == CARAPACE_U32_ ? UINT32_MAX : kind == CARAPACE_S32_ ? INT32_MAX : kind == CARAPACE_S64_ ? INT64_MAX : UINT64_MAX;
  bool is_signed = kind == CARAPACE_S32_ || kind == CARAPACE_S64_;
  if (!fits || value > most + (minus && is_signed) || (minus && !is_signed && value > 0)) {
    carapace_expected_(r, "expected a whole number that fits");
    return;
  }
  if (minus) value = 0 - value;
  if (kind == CARAPACE_U16_) *(uint16_t *)to = (uint16_t)value;
  else if (kind == CARAPACE_U32_) *(uint32_t *)to = (uint32_t)value;
  else if (kind == CARAPACE_S32_) *(int32_t *)to = (int32_t)value;
  else *(uint64_t *)to = value;
}

// Reads a value that is not null and no list.
static inline void carapace_read_value_(carapace_reader_ *r, const carapace_field *field, void *to) {
  char c = carapace_peek_(r);
  if (field->kind == CARAPACE_RECORD_) {
    carapace_read_record_(r, field->type, to);
    return;
  }
  carapace_json json = carapace_raw_(r);
  switch (field->kind) {
    case CARAPACE_JSON_: *(carapace_json *)to = json; return;
    case CARAPACE_BOOL_:
      if (c != 't' && c != 'f') carapace_expected_(r, "expected true or false");
      *(bool *)to = c == 't';
      return;
    case CARAPACE_TEXT_:
    case CARAPACE_BYTES_:
    case CARAPACE_ENUM_: break;
    default: carapace_read_number_(r, field->kind, to, json); return;
  }
  if (c != '"') {
    carapace_expected_(r, "expected a string");
    return;
  }
  carapace_text text = carapace_unescape_(json);
  if (field->kind == CARAPACE_TEXT_) *(carapace_text *)to = text;
  else if (field->kind == CARAPACE_BYTES_) {
    if (!carapace_base64_(text, to)) carapace_expected_(r, "expected base64");
  } else if (text.size > 0) {
    int32_t *value = to;
    *value = -1;
    for (int i = 0; i < field->type->count && *value < 0; i++)
      if (carapace_is(text, field->type->cases[i])) *value = i;
  }
}

static inline size_t carapace_size_(const carapace_field *field) {
  switch (field->kind) {
    case CARAPACE_TEXT_: case CARAPACE_JSON_: case CARAPACE_BYTES_: return sizeof(carapace_text);
    case CARAPACE_BOOL_: return sizeof(bool);
    case CARAPACE_U16_: return 2;
    case CARAPACE_U32_: case CARAPACE_S32_: case CARAPACE_ENUM_: return 4;
    case CARAPACE_RECORD_: return field->type->size;
  }
  return 8;
}

// A list is a pointer to its items and, behind that, their number.
typedef struct {
  void *items;
  size_t count;
} carapace_list_;

static inline void carapace_read_list_(carapace_reader_ *r, const carapace_field *field, carapace_list_ *list) {
  if (carapace_peek_(r) != '[') {
    carapace_expected_(r, "expected an array"), carapace_raw_(r);
    return;
  }
  carapace_reader_ ahead = *r;
  size_t count = 0, size = carapace_size_(field);
  for (ahead.at++; carapace_next_(&ahead, false); count++) carapace_raw_(&ahead);
  list->items = carapace_alloc(count * size), list->count = count;
  r->at++;
  for (char *item = list->items; carapace_next_(r, false); item += size) carapace_read_value_(r, field, item);
}

static inline bool carapace_by_value_(const carapace_field *field) {
  return field->kind == CARAPACE_TEXT_ || field->kind == CARAPACE_JSON_ || field->kind == CARAPACE_BYTES_;
}

static inline void carapace_read_record_(carapace_reader_ *r, const carapace_type *type, void *record) {
  if (carapace_peek_(r) != '{') {
    carapace_expected_(r, "expected an object"), carapace_raw_(r);
    return;
  }
  r->at++;
  while (carapace_next_(r, true)) {
    const carapace_field *field = NULL;
    for (int i = 0; i < type->count && field == NULL; i++)
      if (carapace_is(r->name, type->fields[i].name)) field = &type->fields[i];
    if (field == NULL || (carapace_peek_(r) == 'n' && field->kind != CARAPACE_JSON_)) {
      carapace_raw_(r);
      continue;
    }
    char *to = (char *)record + field->offset;
    if (field->shape == CARAPACE_LIST_) carapace_read_list_(r, field, (carapace_list_ *)to);
    else if (field->shape == CARAPACE_ONE_ || carapace_by_value_(field)) carapace_read_value_(r, field, to);
    else carapace_read_value_(r, field, *(void **)to = carapace_alloc(carapace_size_(field)));
  }
}

static inline void carapace_write_record_(carapace_writer *w, const carapace_type *type, const void *record);

static inline void carapace_write_double_(carapace_writer *w, double value) {
  int exponent = 0;
  bool minus = value < 0;
  if (minus) value = -value;
  if (!(value > 0) || value > 1.7e308) { // also what is no number
    carapace_write_int(w, 0);
    return;
  }
  while (value >= 1e15) value /= 10, exponent++;
  while (value < 1e14) value *= 10, exponent--;
  uint64_t digits = (uint64_t)(value + 0.5);
  while (digits % 10 == 0) digits /= 10, exponent++;
  carapace_value_(w);
  carapace_text number = CARAPACE_JOIN(carapace_digits_(minus, digits), CARAPACE_TEXT("e"), carapace_number(exponent));
  carapace_put_(w, number.data, exponent == 0 ? number.size - 2 : number.size);
}

static inline void carapace_write_value_(carapace_writer *w, const carapace_field *field, const void *from) {
  switch (field->kind) {
    case CARAPACE_TEXT_: carapace_write_text(w, *(const carapace_text *)from); return;
    case CARAPACE_JSON_: carapace_write_json(w, *(const carapace_json *)from); return;
    case CARAPACE_BYTES_: carapace_write_base64_(w, *(const carapace_bytes *)from); return;
    case CARAPACE_BOOL_: carapace_write_bool(w, *(const bool *)from); return;
    case CARAPACE_U16_: carapace_write_int(w, *(const uint16_t *)from); return;
    case CARAPACE_U32_: carapace_write_int(w, *(const uint32_t *)from); return;
    case CARAPACE_S32_: carapace_write_int(w, *(const int32_t *)from); return;
    case CARAPACE_S64_: carapace_write_int(w, *(const int64_t *)from); return;
    case CARAPACE_U64_: carapace_write_json(w, carapace_digits_(false, *(const uint64_t *)from)); return;
    case CARAPACE_F64_: carapace_write_double_(w, *(const double *)from); return;
    case CARAPACE_RECORD_: carapace_write_record_(w, field->type, from); return;
  }
  int32_t value = *(const int32_t *)from;
  const char *name = field->type->cases[value >= 0 && value < field->type->count ? value : 0];
  size_t size = 0;
  while (name[size] != 0) size++;
  carapace_write_text(w, (carapace_text){name, size});
}

// Whether a field has to be written: it is not zero, or it is a record, an enum or what is optional and there.
static inline bool carapace_there_(const carapace_field *field, const void *from) {
  if (field->shape == CARAPACE_LIST_) return ((const carapace_list_ *)from)->count > 0;
  if (carapace_by_value_(field)) {
    const carapace_text *text = from;
    return text->size > 0 || (text->data != NULL && field->shape == CARAPACE_OPTION_ && field->kind != CARAPACE_JSON_);
  }
  if (field->shape == CARAPACE_OPTION_) return *(void *const *)from != NULL;
  if (field->kind == CARAPACE_RECORD_ || field->kind == CARAPACE_ENUM_) return true;
  for (size_t i = 0; i < carapace_size_(field); i++)
    if (((const char *)from)[i] != 0) return true;
  return false;
}

static inline void carapace_write_record_(carapace_writer *w, const carapace_type *type, const void *record) {
  carapace_write_object(w);
  for (int i = 0; i < type->count; i++) {
    const carapace_field *field = &type->fields[i];
    const char *from = (const char *)record + field->offset;
    if (!carapace_there_(field, from)) continue;
    carapace_write_name(w, field->name);
    if (field->shape == CARAPACE_LIST_) {
      const carapace_list_ *list = (const carapace_list_ *)from;
      carapace_write_array(w);
      for (size_t n = 0; n < list->count; n++) carapace_write_value_(w, field, (const char *)list->items + n * carapace_size_(field));
      carapace_write_end(w, ']');
      continue;
    }
    carapace_write_value_(w, field, field->shape == CARAPACE_ONE_ || carapace_by_value_(field) ? from : *(const char *const *)from);
  }
  carapace_write_end(w, '}');
}

// ---- Calls.

// Why the handler, or what was asked of the gateway last, has failed; NULL where it has not.
static const carapace_error *carapace_failure;

// Says why the handler fails, and returns false: `return carapace_fail(CARAPACE_CODE_INVALID, CARAPACE_TEXT("say a city"));`
static inline bool carapace_fail(carapace_code code, carapace_text message) {
  carapace_error *error = carapace_alloc(sizeof(carapace_error));
  error->code = code, error->message = message;
  error->retryable = code == CARAPACE_CODE_RATE_LIMITED || code == CARAPACE_CODE_UNAVAILABLE || code == CARAPACE_CODE_TIMEOUT;
  carapace_failure = error;
  return false;
}

// The same with a record: the error of a response, say.
static inline bool carapace_fail_with(const carapace_error *error) {
  carapace_failure = error;
  return false;
}

// Reads a record, whose memory is zeroed first. For JSON in which a record stands, such as the event of a hook:
// `carapace_read(event->event, &carapace_message_sending_type, &sending)`.
static inline bool carapace_read(carapace_json json, const carapace_type *type, void *record) {
  memset(record, 0, type->size);
  carapace_reader_ r = {.at = json.data, .end = json.data + json.size};
  if (json.size > 0) carapace_read_record_(&r, type, record);
  if (r.problem == NULL) return true;
  size_t size = 0;
  while (r.problem[size] != 0) size++;
  return carapace_fail(CARAPACE_CODE_INVALID, CARAPACE_JOIN(r.problem_at.size > 0 ? r.problem_at : CARAPACE_TEXT("json"), CARAPACE_TEXT(": "), ((carapace_text){r.problem, size})));
}

static inline carapace_json carapace_write_(const carapace_type *type, const void *record) {
  carapace_writer w = {0};
  carapace_write_record_(&w, type, record);
  return carapace_written(&w);
}

typedef bool carapace_handler_(const void *param, void *result);

// Calls a handler with JSON: what it answers, or its error.
static inline bool carapace_call_(carapace_text input, const carapace_type *in, const carapace_type *out, carapace_handler_ *handler, carapace_text *answer) {
  carapace_json json;
  carapace_failure = NULL;
  void *param = carapace_alloc(in->size), *result = carapace_alloc(out->size);
  bool ok = carapace_json_parse(input, &json) || carapace_fail(CARAPACE_CODE_INVALID, CARAPACE_TEXT("what the gateway says is not JSON"));
  if (ok && carapace_read(json, in, param)) {
    carapace_failure = NULL;
    if (handler(param, result)) {
      *answer = carapace_write_(out, result);
      return true;
    }
  }
  if (carapace_failure == NULL) carapace_fail(CARAPACE_CODE_INTERNAL, CARAPACE_TEXT("the plugin has failed, and not said why"));
  *answer = carapace_write_(&carapace_error_type, carapace_failure);
  return false;
}

// The gateway's answer to what it was asked: {"ok": …} or {"error": …}.
static inline bool carapace_answered_(carapace_text said, const carapace_type *type, void *result) {
  carapace_json json, error;
  carapace_failure = NULL;
  if (!carapace_json_parse(said, &json)) return carapace_fail(CARAPACE_CODE_INTERNAL, CARAPACE_TEXT("the gateway's answer cannot be read"));
  error = carapace_json_get(json, "error");
  if (carapace_json_exists(error)) {
    carapace_error *failure = carapace_alloc(sizeof(carapace_error));
    if (carapace_read(error, &carapace_error_type, failure)) carapace_failure = failure;
    return false;
  }
  return type == NULL || carapace_read(carapace_json_get(json, "ok"), type, result);
}

#ifdef __wasm__

CARAPACE_IMPORT("extism:host/env", "input_length") uint64_t carapace_input_length_(void);
CARAPACE_IMPORT("extism:host/env", "error_set") void carapace_error_set_(uint64_t offset);
CARAPACE_IMPORT("extism:host/env", "alloc") uint64_t carapace_block_alloc_(uint64_t size);
CARAPACE_IMPORT("extism:host/env", "free") void carapace_block_free_(uint64_t offset);
CARAPACE_IMPORT("extism:host/env", "length") uint64_t carapace_block_length_(uint64_t offset);
CARAPACE_IMPORT("carapace:host/memory", "read") void carapace_block_read_(uint64_t offset, void *to, uint32_t size);
CARAPACE_IMPORT("carapace:host/memory", "write") void carapace_block_write_(uint64_t offset, const void *from, uint32_t size);
CARAPACE_IMPORT("carapace:host/memory", "input") void carapace_input_(void *to, uint32_t size);
CARAPACE_IMPORT("carapace:host/memory", "output") void carapace_output_(const void *from, uint32_t size);

static inline uint64_t carapace_stored_(carapace_text text) {
  uint64_t at = carapace_block_alloc_(text.size);
  if (text.size > 0) carapace_block_write_(at, text.data, (uint32_t)text.size);
  return at;
}

static inline bool carapace_asked_(uint64_t (*imported)(uint64_t), const carapace_type *in, const void *param, const carapace_type *out, void *result) {
  uint64_t at = carapace_stored_(carapace_write_(in, param)), answer = imported(at);
  size_t size = (size_t)carapace_block_length_(answer);
  char *data = carapace_alloc(size);
  if (size > 0) carapace_block_read_(answer, data, (uint32_t)size);
  carapace_block_free_(at), carapace_block_free_(answer);
  return carapace_answered_((carapace_text){data, size}, out, result);
}

#define carapace_ask_(name, ...) carapace_asked_(carapace_imported_##name##_, __VA_ARGS__)

static inline int32_t carapace_serve_(const carapace_type *in, const carapace_type *out, carapace_handler_ *handler) {
  carapace_free_();
  size_t size = (size_t)carapace_input_length_();
  char *data = carapace_alloc(size);
  carapace_text answer;
  if (size > 0) carapace_input_(data, (uint32_t)size);
  if (carapace_call_((carapace_text){data, size}, in, out, handler, &answer)) {
    carapace_output_(answer.data, (uint32_t)answer.size);
    return 0;
  }
  carapace_error_set_(carapace_stored_(answer));
  return 1;
}

#define CARAPACE_EXPORT_(name, in, out, handler)                                                                          \
  static bool carapace_handle_##name##_(const void *param, void *result) { return handler((const in *)param, (out *)result); } \
  CARAPACE_EXPORT(#name) int32_t carapace_export_##name##_(void) { return carapace_serve_(&in##_type, &out##_type, carapace_handle_##name##_); }

#else

// What a test answers instead of the gateway: JSON in, and {"ok": …} or {"error": …} out.
static carapace_text (*carapace_test_host)(const char *name, carapace_text param);

static inline bool carapace_asked_(const char *name, const carapace_type *in, const void *param, const carapace_type *out, void *result) {
  carapace_json asked = carapace_write_(in, param);
  carapace_text said = carapace_test_host == NULL ? CARAPACE_TEXT("{\"error\":{\"code\":\"not_found\",\"message\":\"there is no carapace_test_host\"}}") : carapace_test_host(name, asked);
  return carapace_answered_(said, out, result);
}
#define carapace_ask_(name, ...) carapace_asked_(#name, __VA_ARGS__)

// A test calls an export as a function of JSON: `carapace_test_tool_invoke(input, &answer)` returns whether it has not failed.
// The answer is there until the next call.
#define CARAPACE_EXPORT_(name, in, out, handler)                                                                          \
  static bool carapace_handle_##name##_(const void *param, void *result) { return handler((const in *)param, (out *)result); } \
  static inline bool carapace_test_##name(carapace_text input, carapace_text *answer) {                                    \
    carapace_free_();                                                                                                      \
    return carapace_call_(input, &in##_type, &out##_type, carapace_handle_##name##_, answer);                              \
  }

#endif

// ---- What the gateway may be asked, and what a plugin may export.

/*functions*/
// ---- What is said often.

// What only somebody who looks for trouble wants to see.
static inline void carapace_debug(carapace_text message) { carapace_host_log_write(&(carapace_log_line){CARAPACE_LOG_LEVEL_DEBUG, message}); }
static inline void carapace_info(carapace_text message) { carapace_host_log_write(&(carapace_log_line){CARAPACE_LOG_LEVEL_INFO, message}); }
// What works, but not as it should.
static inline void carapace_warn(carapace_text message) { carapace_host_log_write(&(carapace_log_line){CARAPACE_LOG_LEVEL_WARN, message}); }
// What does not work. What a call fails with is logged anyway.
static inline void carapace_log_error(carapace_text message) { carapace_host_log_write(&(carapace_log_line){CARAPACE_LOG_LEVEL_ERROR, message}); }

// The output of a tool that is one text: `return carapace_tool_text(output, text);`
static inline bool carapace_tool_text(carapace_tool_output *output, carapace_text text) {
  carapace_part *part = carapace_alloc(sizeof(carapace_part));
  part->text = text.data != NULL ? text : CARAPACE_TEXT("");
  output->content = part, output->content_count = 1;
  return true;
}

// The output of a tool that ran and has bad news for the model: what is wrong and how to ask better.
static inline bool carapace_tool_failed(carapace_tool_output *output, carapace_text text) {
  output->failed = true;
  return carapace_tool_text(output, text);
}

#ifdef __wasm__
CARAPACE_IMPORT("wasi_snapshot_preview1", "random_get") int32_t carapace_random_get_(void *to, size_t size);

// Random bytes, fit for secrets.
static inline void carapace_random(void *to, size_t size) {
  if (carapace_random_get_(to, size) != 0) __builtin_trap();
}
#else
// In a test they are no secret.
static inline void carapace_random(void *to, size_t size) {
  for (size_t i = 0; i < size; i++) ((uint8_t *)to)[i] = (uint8_t)(rand() >> 4);
}
#endif

#endif
