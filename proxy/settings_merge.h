/* Settings that follow others while rpcward runs: a server of the same name and a listener of the same address keep their
 * index, and what is no longer there stays at its own, retired, because it may still have connections. Pure. */
#ifndef PX_SETTINGS_MERGE_H
#define PX_SETTINGS_MERGE_H

#include "settings.h"

/* Rearranges `fresh` so that it can follow `old`. False when its rules are too many; both are then as before. Else one of the
 * next two must come before either is freed: what is retired is in both. */
bool px_settings_merge(const struct px_settings *old, struct px_settings *fresh);
void px_settings_follow(struct px_settings *old, const struct px_settings *fresh); /* `fresh` keeps the retired */
void px_settings_dismiss(struct px_settings *fresh);                               /* `old` does */

#endif
