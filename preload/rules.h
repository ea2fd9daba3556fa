/* Which connects go through the proxy. Read once from the environment, then never changed. */
#ifndef SHIM_RULES_H
#define SHIM_RULES_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net.h"

#define SHIM_RULES_MOST 64u

/* The environment that rpcward-run sets. Rules stand in one line, a space between two. */
#define SHIM_ENV_PROXY   "RPCWARD_PROXY"   /* path of the proxy's socket */
#define SHIM_ENV_TO      "RPCWARD_TO"      /* NET:PORT and unix:PATH that are led, beside the endpoint mappers' */
#define SHIM_ENV_NOT     "RPCWARD_NOT"     /* NET:PORT and unix:PATH that are not */
#define SHIM_ENV_OPEN    "RPCWARD_OPEN"    /* 1: connect directly when the proxy does not answer */
#define SHIM_ENV_VERBOSE "RPCWARD_VERBOSE" /* 1: a line on stderr for each connect that matched */
#define SHIM_ENV_WAIT    "RPCWARD_WAIT"    /* ms that the proxy may take to answer */

#define SHIM_PROXY "/run/rpcward/shim.sock"
#define SHIM_WAIT  1000

struct shim_rule {
    bool local;
    struct shim_net net;                                  /* unless local */
    unsigned path_length;                                 /* local … */
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* … a copy: programs write over their environment */
};

struct shim_rules {
    char proxy[sizeof((struct sockaddr_un *)0)->sun_path];
    struct shim_rule to[SHIM_RULES_MOST], not_to[SHIM_RULES_MOST];
    unsigned to_count, not_count;
    int wait; /* ms */
    bool open, verbose;
    bool active; /* the environment asks for anything */
    bool broken; /* it cannot be understood: every connect over TCP is refused */
};

extern struct shim_rules shim_rules;

/* The `length` bytes at `text`, one rule. NULL, or what is wrong as a static sentence. */
const char *shim_rule_parse(const char *text, unsigned length, struct shim_rule *rule);

/* False: leave this connect alone. */
bool shim_rules_match(const struct sockaddr *to, socklen_t length);

void shim_rules_read(void);

#endif
