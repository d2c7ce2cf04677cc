// cc -std=c11 -o test test.c && ./test
#include "plugin.c"

#include <stdio.h>

// Whether the hook says that of a message.
static bool says(const char *text, const char *want) {
  char input[256];
  carapace_text answer;
  snprintf(input, sizeof input, "{\"name\":\"message_sending\",\"event\":{\"text\":%s}}", text);
  carapace_test_hook_handle((carapace_text){input, strlen(input)}, &answer);
  if (carapace_is(answer, want)) return true;
  fprintf(stderr, "of %s it says %.*s\n", text, (int)answer.size, answer.data);
  return false;
}

int main(void) {
  bool good = says("\"utilize a pen in order to write\"", "{\"modify\":{\"text\":\"use a pen to write\"}}") &&
    says("\"prior to utiliz\"", "{\"modify\":{\"text\":\"before utiliz\"}}") && says("\"hello\"", "{}") && says("null", "{}") &&
    says("7", "{\"code\":\"invalid\",\"message\":\"text: expected a string\"}");
  return good ? 0 : 1;
}
