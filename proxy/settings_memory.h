/* Memory for settings, which are read while nothing runs yet: a start without memory ends at once. */
#ifndef PX_SETTINGS_MEMORY_H
#define PX_SETTINGS_MEMORY_H

#include <stdlib.h>
#include <string.h>

static inline void *px_must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static inline char *px_text_kept(const char *text)
{
    return px_must(strdup(text));
}

/* An array with room for one element behind `count`; its room doubles at each power of two. */
static inline void *px_array_grown(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    return px_must(reallocarray(array, count == 0 ? 1 : count * 2, size));
}

#endif
