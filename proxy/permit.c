/* The path without symbolic links is walked, and each part of it is judged by its mode: access control lists, which may
 * grant more than that, are not looked at. What could be exchanged between this look and the connect is refused, unless
 * it is for those who need not be kept from anything: root, and our own user. */
#include "permit.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MOST 256 /* that are looked at; whoever is in more has the rest for nothing */

struct who {
    struct ucred user;
    gid_t groups[GROUPS_MOST];
    unsigned count;
};

static bool is_in(const struct who *who, gid_t group)
{
    for (unsigned i = 0; i < who->count; i++)
        if (who->groups[i] == group)
            return true;
    return who->user.gid == group;
}

/* `bit` is S_IXOTH to search a folder, S_IWOTH to connect (unix(7)). */
static bool has(const struct who *who, const struct stat *st, mode_t bit)
{
    mode_t shifted = st->st_uid == who->user.uid ? bit << 6 : is_in(who, st->st_gid) ? bit << 3 : bit;
    return st->st_mode & shifted;
}

static bool is_ours(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

/* Others may make files in it; where that is restricted (sticky), they cannot exchange what is ours. */
static bool is_shared(const struct stat *st)
{
    return st->st_mode & (S_IWGRP | S_IWOTH);
}

static bool is_firm(const struct stat *st)
{
    return is_ours(st) && (!is_shared(st) || st->st_mode & S_ISVTX);
}

/* `shared`: of the last one. */
static int judge_folders(const struct who *who, char *path, bool *shared)
{
    struct stat st;
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        char kept = slash[1];
        slash[1] = '\0';
        int error = stat(path, &st) != 0 ? errno : 0;
        slash[1] = kept;
        if (error || !has(who, &st, S_IXOTH) || !is_firm(&st))
            return error ? error : EACCES;
        *shared = is_shared(&st);
    }
    return 0;
}

static int judge(const struct who *who, const char *path, char real[PATH_MAX])
{
    struct stat st;
    if (!realpath(path, real))
        return errno;
    bool shared = false;
    int error = judge_folders(who, real, &shared);
    if (error)
        return error;
    if (lstat(real, &st) != 0)
        return errno;
    if (!S_ISSOCK(st.st_mode))
        return ECONNREFUSED;
    return has(who, &st, S_IWOTH) && (!shared || is_ours(&st)) ? 0 : EACCES;
}

static bool read_who(int fd, struct who *who)
{
    socklen_t length = sizeof who->user;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who->user, &length) != 0)
        return false;
    length = sizeof who->groups;
    who->count = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, who->groups, &length) == 0
                     ? (unsigned)(length / sizeof *who->groups)
                     : 0;
    return true;
}

int px_permit_local(int asking, const char *path, struct px_address *to)
{
    char real[PATH_MAX];
    struct who who;
    if (!read_who(asking, &who))
        return EACCES;
    if (who.user.uid != 0 && who.user.uid != geteuid()) {
        int error = judge(&who, path, real);
        if (error)
            return error;
        path = real;
    }
    size_t length = strlen(path);
    *to = (struct px_address){ .local = { .sun_family = AF_UNIX } };
    if (length >= sizeof to->local.sun_path)
        return ENAMETOOLONG;
    memcpy(to->local.sun_path, path, length + 1);
    to->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}
