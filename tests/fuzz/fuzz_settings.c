/* Bytes as a settings file: no crash, as many errors as lines say so, and what was good must print as YAML that
 * reads back to the same text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "settings_internal.h"

/* libfyaml 0.7.12 loses a buffer for each quoted key with more than a few escapes in it. A leak of our own does not
 * have that library in its stack; one of an object of that library is seen by the unit test, which has no such
 * exception. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static unsigned load(const char *text, size_t length, struct px_settings *settings, char **said)
{
    size_t size;
    FILE *out = open_memstream(said, &size);
    unsigned errors = px_settings_load_text("f", text, length, settings, out);
    fclose(out);
    return errors;
}

static unsigned errors_in(const char *said)
{
    unsigned count = 0;
    for (const char *line = said; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *severity = strstr(line, ": ");
        count += severity != NULL && strncmp(severity, ": error: ", 9) == 0;
    }
    return count;
}

static char *print(const struct px_settings *settings)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    px_settings_print(settings, out);
    fclose(out);
    return text;
}

/* Printed settings are good, and print the same again. */
static void go_round(const struct px_settings *settings)
{
    struct px_settings again;
    char *said, *first = print(settings);
    if (load(first, strlen(first), &again, &said) != 0)
        abort();
    char *second = print(&again);
    if (strcmp(first, second) != 0)
        abort();
    free(first);
    free(second);
    free(said);
    px_settings_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct px_settings settings;
    char *said;
    unsigned errors = load((const char *)data, size, &settings, &said);
    if (errors != errors_in(said))
        abort();
    if (errors == 0)
        go_round(&settings);
    px_settings_free(&settings);
    free(said);
    return 0;
}
