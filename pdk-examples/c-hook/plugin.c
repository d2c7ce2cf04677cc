// A plugin with a hook that changes messages before they are sent.
#include "carapace.h"

static const struct {
  carapace_text stilted, plain;
} words[] = {
  {CARAPACE_TEXT("utilize"), CARAPACE_TEXT("use")},
  {CARAPACE_TEXT("in order to"), CARAPACE_TEXT("to")},
  {CARAPACE_TEXT("prior to"), CARAPACE_TEXT("before")},
};

// The text with plain words, which are shorter.
static carapace_text plain(carapace_text text) {
  char *data = carapace_alloc(text.size), *to = data;
  for (size_t i = 0; i < text.size;) {
    size_t word = 0;
    while (word < 3 && !(words[word].stilted.size <= text.size - i && carapace_equal(words[word].stilted, (carapace_text){text.data + i, words[word].stilted.size}))) word++;
    if (word == 3) {
      *to++ = text.data[i++];
      continue;
    }
    memcpy(to, words[word].plain.data, words[word].plain.size);
    to += words[word].plain.size, i += words[word].stilted.size;
  }
  return (carapace_text){data, (size_t)(to - data)};
}

// Is called for the hooks that the manifest names: here, for one. An empty decision lets the message pass.
static bool handle(const carapace_hook_event *event, carapace_hook_decision *decision) {
  carapace_message_sending message;
  if (!carapace_read(event->event, &carapace_message_sending_type, &message)) return false;
  carapace_text text = plain(message.text);
  if (carapace_equal(text, message.text)) return true;
  carapace_writer w = {0};
  carapace_write_object(&w);
  carapace_write_name(&w, "text"), carapace_write_text(&w, text);
  carapace_write_end(&w, '}');
  decision->modify = carapace_written(&w);
  return true;
}
CARAPACE_HOOK_HANDLE(handle)
