// cc -std=c11 -o test test.c && ./test
#include "plugin.c"

#include <stdio.h>

// Rolls a thousand times, and says whether all sides were shown and nothing else.
static bool shows(int sides) {
  bool seen[100] = {false};
  int different = 0;
  for (int roll = 0; roll < 1000; roll++) {
    char input[64];
    int shown = 0;
    carapace_text output;
    snprintf(input, sizeof input, sides == 6 ? "{\"args\":{}}" : "{\"args\":{\"sides\":%d}}", sides);
    if (!carapace_test_tool_invoke((carapace_text){input, strlen(input)}, &output)) return false;
    sscanf(output.data, "{\"content\":[{\"kind\":\"text\",\"text\":\"%d\"}]}", &shown);
    if (shown < 1 || shown > sides) return false;
    different += !seen[shown - 1];
    seen[shown - 1] = true;
  }
  return different == sides;
}

int main(void) {
  for (int sides = 2; sides <= 20; sides++)
    if (!shows(sides)) return fprintf(stderr, "a die of %d sides shows others\n", sides), 1;
  return 0;
}
