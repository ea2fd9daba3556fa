/* The next definitions of what is intercepted: the C library's, or another preloaded library's. */
#ifndef SHIM_REAL_H
#define SHIM_REAL_H

#include <sys/socket.h>

#define SHIM_EXPORT __attribute__((visibility("default")))

struct shim_real {
    int (*connect)(int, const struct sockaddr *, socklen_t);
    ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    ssize_t (*sendmsg)(int, const struct msghdr *, int);
    int (*sendmmsg)(int, struct mmsghdr *, unsigned, int);
    int (*getpeername)(int, struct sockaddr *, socklen_t *);
    int (*getsockname)(int, struct sockaddr *, socklen_t *);
};

/* Filled when the library is loaded, or by the first call of a library whose constructor ran before ours. */
const struct shim_real *shim_real(void);

#endif
