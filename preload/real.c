/* Finds the next definitions, and reads the rules, before main() or whoever calls first. */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "ports.h"
#include "rules.h"
#include "spares.h"

static struct shim_real real;
static atomic_bool ready;

/* A function pointer out of dlsym() is POSIX's promise, which ISO C has no words for. */
static void find(const char *name, void *function)
{
    *(void **)function = dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void start(void)
{
    int error = errno;
    if (!atomic_load(&ready)) {
        find("connect", &real.connect);
        find("sendto", &real.sendto);
        find("sendmsg", &real.sendmsg);
        find("sendmmsg", &real.sendmmsg);
        find("getpeername", &real.getpeername);
        find("getsockname", &real.getsockname);
        shim_rules_read();
        shim_ports_open(0);
        if (shim_rules.active)
            shim_spares_open();
        atomic_store(&ready, true);
    }
    errno = error;
}

const struct shim_real *shim_real(void)
{
    if (!atomic_load_explicit(&ready, memory_order_acquire))
        start();
    return &real;
}
