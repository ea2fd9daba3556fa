/* Settings from a text that is in memory: for px_settings_load(), unit tests and the fuzzer. */
#ifndef PX_SETTINGS_INTERNAL_H
#define PX_SETTINGS_INTERNAL_H

#include <stddef.h>
#include <stdio.h>

#include "settings.h"

/* As px_settings_load(); `name` is what errors call the file. */
unsigned px_settings_load_text(const char *name, const char *text, size_t length, struct px_settings *settings,
                               FILE *errors);

#endif
