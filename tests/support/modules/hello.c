/* Tells what it was given, reads a file that was attached, writes one of its own, and looks where it may not. */
#include <stdio.h>

static int opens(const char *path, const char *how) {
    FILE *file = fopen(path, how);
    if (file) fclose(file);
    return file != NULL;
}

int main(int argc, char **argv) {
    char text[256] = "", data[256] = "";
    text[fread(text, 1, sizeof text - 1, stdin)] = 0;
    FILE *file = fopen("/data/a.txt", "r");
    if (file) data[fread(data, 1, sizeof data - 1, file)] = 0;
    FILE *made = fopen("made.txt", "w");
    if (made) fputs("by C", made), fclose(made);
    printf("%d|%s|%s|%s|%s\n", argc, argv[0], argc > 1 ? argv[1] : "", text, data);
    fprintf(stderr, "writes data: %d, reads passwd: %d, leaves: %d\n", opens("/data/new.txt", "w"),
            opens("/etc/passwd", "r"), opens("/workspace/../stdin", "r"));
    return made ? 0 : 1;
}
