/* Findings about the settings, kept until all of them can be shown in the order of the file. */
#include "settings_report.h"

#include <stdarg.h>
#include <stdlib.h>

#include "settings_memory.h"

static void mask_controls(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

const char *px_report_option(struct px_report *report, const char *name, const char *value)
{
    char *text;
    if (asprintf(&text, "%s %s", name, value) < 0)
        abort();
    mask_controls(text);
    report->options = px_array_grown(report->options, report->option_count, sizeof *report->options);
    report->options[report->option_count++] = text;
    return text;
}

static void add(struct px_report *report, struct px_place place, const char *severity, const char *format,
                va_list arguments)
{
    struct px_finding *finding;
    report->findings = px_array_grown(report->findings, report->count, sizeof *report->findings);
    finding = &report->findings[report->count];
    *finding = (struct px_finding){ .place = place, .severity = severity, .order = report->count };
    if (vasprintf(&finding->text, format, arguments) < 0)
        abort();
    mask_controls(finding->text);
    report->count++;
}

void px_report_error(struct px_report *report, struct px_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(report, place, "error", format, arguments);
    va_end(arguments);
    report->errors++;
}

void px_report_warning(struct px_report *report, struct px_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(report, place, "warning", format, arguments);
    va_end(arguments);
}

static int compare(const void *left, const void *right)
{
    const struct px_finding *a = left, *b = right;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void show(const struct px_report *report, const struct px_finding *finding, FILE *out)
{
    if (finding->place.option != NULL)
        fprintf(out, "%s: ", finding->place.option);
    else if (finding->place.line != 0)
        fprintf(out, "%s:%u:%u: ", report->file, finding->place.line, finding->place.column);
    else
        fprintf(out, "%s: ", report->file);
    fprintf(out, "%s: %s\n", finding->severity, finding->text);
}

unsigned px_report_finish(struct px_report *report, FILE *out)
{
    if (report->count > 1)
        qsort(report->findings, report->count, sizeof *report->findings, compare);
    for (unsigned i = 0; i < report->count; i++) {
        show(report, &report->findings[i], out);
        free(report->findings[i].text);
    }
    for (unsigned i = 0; i < report->option_count; i++)
        free(report->options[i]);
    free(report->findings);
    free(report->options);
    return report->errors;
}
