/* The users of the processes. */
#include "fs/processes.h"

#include <pwd.h>
#include <unistd.h>

#include "fs/log.h"

#define NODE_USER "kadns"
#define SIGNER_USER "kadns-key"
#define NOBODY "nobody" /* of the validators, which have no file */

static const char *if_there(const char *user)
{
	return getpwnam(user) ? user : NULL;
}

/* Without its user a process keeps the name of root, but none of its rights, and its filters. So a
 * kadns that was built a minute ago works, and is told what is missing. */
void processes_choose(const struct config *config, struct processes *ret_processes)
{
	struct processes *p = ret_processes;
	*p = (struct processes){0};
	if (geteuid() != 0)
		return;
	p->node = config->user ? config->user : if_there(NODE_USER);
	p->validator = p->node ? p->node : NOBODY;
	p->signer = if_there(SIGNER_USER);
}

void processes_say(const struct processes *p)
{
	if (!p->node)
		log_line(LOG_NOTICE, "there is no user " NODE_USER
				     " (systemd-sysusers makes it), and no user= is "
				     "given: this runs as root, without any of its rights");
	else if (!p->signer)
		log_line(LOG_NOTICE, "there is no user " SIGNER_USER
				     " (systemd-sysusers makes it): the keys stay root's");
}
