/* Whom the processes of a daemon become that root has started. */
#ifndef FS_PROCESSES_H
#define FS_PROCESSES_H

#include "fs/config.h"

struct processes {
	const char *node;      /* NULL: stays who it is, without a capability */
	const char *validator; /* of both */
	const char *signer;    /* NULL: stays who it is, likewise */
};
/* user=, else `kadns` where that is; for the signer `kadns-key`. All NULL where nobody is root. */
void processes_choose(const struct config *config, struct processes *ret_processes);
/* Logs which of them is missing, where root has started it. */
void processes_say(const struct processes *p);

#endif
