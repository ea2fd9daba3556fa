/* Other settings while it runs: from the same place as at the start. */
#ifndef PX_RELOAD_H
#define PX_RELOAD_H

#include "loop.h"

/* True, or false with what is wrong in *why, which is the caller's to free: then nothing has changed. Either way the log and
 * stderr tell, and `who` asked for it (NULL: a signal). New calls go by the new settings; connections stay. */
bool px_reload(struct px_loop *loop, const char *who, char **why);

#endif
