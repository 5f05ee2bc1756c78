/*
 * A tool for agents: counts the words of a text.
 *
 * Arguments come as JSON on standard input: {"text": "two words"}. What is printed is the result: {"words": 2}.
 *
 * clang --target=wasm32-wasi -O2 -o word_count.wasm word_count.c
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static char given[1 << 20];

/* Where the value of "text" begins, or NULL. The schema of the arguments has seen to the rest. */
static const char *text_of(const char *json) {
    const char *key = strstr(json, "\"text\"");
    const char *colon = key ? strchr(key, ':') : NULL;
    const char *quote = colon ? strchr(colon, '"') : NULL;
    return quote ? quote + 1 : NULL;
}

/* The letter at `*at`, a blank for what stands for one (\n, \t), and `*at` moved behind it. */
static int next(const char **at) {
    int letter = *(*at)++;
    if (letter != '\\') return letter;
    letter = **at;
    *at += letter != 0;
    return letter && strchr("ntrf", letter) ? ' ' : 'x';
}

static int count(const char *at) {
    int words = 0, inside = 0;
    while (*at && *at != '"') {
        int blank = isspace(next(&at));
        words += !blank && !inside;
        inside = !blank;
    }
    return words;
}

int main(void) {
    given[fread(given, 1, sizeof given - 1, stdin)] = 0;
    const char *text = text_of(given);
    if (!text) {
        fputs("there is no text\n", stderr);
        return 1;
    }
    printf("{\"words\": %d}\n", count(text));
    return 0;
}
