/* Asks the proxy. */
#ifndef SHIM_ASK_H
#define SHIM_ASK_H

#include "question.h"

/* 0, and the proxy's answer; or the errno for which there is none within the time that the rules give. */
int shim_ask(const struct shim_question *question, struct shim_answer *answer);

/* What tells this socket from every other. 0, or errno where the kernel does not say. */
int shim_cookies(int fd, struct shim_question *question);

#endif
