/* Which programs LD_PRELOAD does not reach, by what their files say. Better to say so than to let them out directly. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run.h"

#define SCRIPTS_MOST  4 /* interpreters that are scripts themselves, as the kernel has it */
#define SECTIONS_MOST 4096
#define NAMES_MOST    (1 << 20) /* bytes of section names */

struct program {
    char interpreter[PATH_MAX]; /* "": it has none */
    unsigned char class;
    ElfW(Half) machine;
    bool is_go;
};

/* ---- finding ---- */

static int executable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

int run_find(const char *name, char path[PATH_MAX])
{
    const char *at = getenv("PATH");
    int error = ENOENT;
    if (strchr(name, '/')) {
        snprintf(path, PATH_MAX, "%s", name);
        return executable(path);
    }
    for (at = at ? at : "/bin:/usr/bin"; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        int length = (int)strcspn(at, ":");
        snprintf(path, PATH_MAX, "%.*s/%s", length ? length : 1, length ? at : ".", name);
        int this = executable(path);
        if (this == 0)
            return 0;
        if (this == EACCES)
            error = EACCES;
    }
    return error;
}

/* ---- reading ---- */

static bool read_at(int fd, void *to, size_t length, off_t at)
{
    return pread(fd, to, length, at) == (ssize_t)length;
}

static void read_segments(int fd, const ElfW(Ehdr) * header, struct program *program)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment;
        if (!read_at(fd, &segment, sizeof segment, (off_t)(header->e_phoff + i * sizeof segment)))
            return;
        if (segment.p_type == PT_INTERP && segment.p_filesz < sizeof program->interpreter &&
            read_at(fd, program->interpreter, segment.p_filesz, (off_t)segment.p_offset))
            program->interpreter[segment.p_filesz] = '\0';
    }
}

/* Go's own sections. Its programs make their system calls themselves, linked with the C library or not. */
static bool has_go_sections(int fd, const ElfW(Ehdr) * header)
{
    ElfW(Shdr) section, names;
    bool found = false;
    if (header->e_shnum == 0 || header->e_shnum > SECTIONS_MOST || header->e_shstrndx >= header->e_shnum ||
        !read_at(fd, &names, sizeof names, (off_t)(header->e_shoff + header->e_shstrndx * sizeof names)) ||
        names.sh_size == 0 || names.sh_size > NAMES_MOST)
        return false;
    char *text = calloc(1, names.sh_size + 1);
    if (!text || !read_at(fd, text, names.sh_size, (off_t)names.sh_offset)) {
        free(text);
        return false;
    }
    for (unsigned i = 0; i < header->e_shnum && !found; i++)
        found = read_at(fd, &section, sizeof section, (off_t)(header->e_shoff + i * sizeof section)) &&
                section.sh_name < names.sh_size && strncmp(text + section.sh_name, ".go.buildinfo", 13) == 0;
    free(text);
    return found;
}

/* False: it is no ELF file. */
static bool read_program(int fd, struct program *program)
{
    ElfW(Ehdr) header;
    *program = (struct program){ 0 };
    if (!read_at(fd, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    program->class = header.e_ident[EI_CLASS];
    program->machine = header.e_machine;
    if (program->class != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return true;
    read_segments(fd, &header, program);
    program->is_go = has_go_sections(fd, &header);
    return true;
}

/* ---- judging ---- */

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void check_program(const char *path, const struct program *p, const struct program *own)
{
    if (p->class != own->class || p->machine != own->machine)
        run_fail(RUN_FAILED, "%s is for another kind of processor than librpcward-preload.so: it would not be led",
                 path);
    if (p->is_go)
        run_fail(RUN_FAILED, "%s is a Go program, which makes its system calls itself: it would not be led", path);
    if (!*p->interpreter)
        run_fail(RUN_FAILED, "%s is statically linked: it would not be led", path);
    if (strcmp(base(p->interpreter), base(own->interpreter)) != 0)
        run_fail(RUN_FAILED, "%s belongs to another C library (%s, not %s): it would not be led", path,
                 p->interpreter, own->interpreter);
}

/* What makes the kernel set AT_SECURE: then the dynamic linker takes no library from its caller. */
static void check_privileges(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    bool user = st.st_mode & S_ISUID && st.st_uid != getuid();
    bool group = st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getgid();
    if (user || group)
        run_fail(RUN_FAILED, "%s is set-%cid: the dynamic linker would not load the library into it", path,
                 user ? 'u' : 'g');
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        run_fail(RUN_FAILED, "%s has file capabilities: the dynamic linker would not load the library into it", path);
}

/* The interpreter that a script names in its first line; false: it is none. */
static bool read_script(int fd, char path[PATH_MAX])
{
    char line[256] = "";
    ssize_t got = pread(fd, line, sizeof line - 1, 0);
    if (got < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[strcspn(line, "\n")] = '\0';
    char *at = line + 2 + strspn(line + 2, " \t");
    at[strcspn(at, " \t")] = '\0';
    snprintf(path, PATH_MAX, "%s", at);
    return *at;
}

static void read_own(struct program *own)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || !read_program(fd, own))
        run_fail(RUN_FAILED, "cannot read /proc/self/exe: %s", strerror(errno));
    close(fd);
}

void run_check_reach(const char *path)
{
    struct program own, program;
    char at[PATH_MAX], next[PATH_MAX];
    read_own(&own);
    snprintf(at, sizeof at, "%s", path);
    for (int i = 0; i <= SCRIPTS_MOST; i++) {
        int fd = open(at, O_RDONLY | O_CLOEXEC);
        check_privileges(at);
        if (fd < 0)
            return; /* what cannot be read can be run, perhaps */
        bool is_elf = read_program(fd, &program);
        bool is_script = !is_elf && read_script(fd, next);
        close(fd);
        if (is_elf)
            check_program(at, &program, &own);
        if (!is_script)
            return;
        snprintf(at, sizeof at, "%s", next);
    }
}
