/* What a node asks of the starter, done. Whoever asks may have taken over the node: only what the
 * configuration says is bound, mounted or started. */
#ifndef FS_STARTER_SERVE_H
#define FS_STARTER_SERVE_H

#include "fs/starter.h"
#include "fs/starter_frame.h"

/* Each door has a socket for UDP and one for TCP, each address of the DHT one. */
#define STARTER_PORTS_MAX (2 * DOOR_KINDS * CONFIG_LIST_MAX + CONFIG_LIST_MAX)
#define STARTER_CHILDREN_MAX 16 /* three or four are there; some may be dying */

struct starter_port {
	struct sockaddr_storage address;
	socklen_t len;
	int type, fd;
};

struct starter_serve {
	const struct starter_config *config;
	struct starter_port ports[STARTER_PORTS_MAX];
	size_t ports_len;
	pid_t children[STARTER_CHILDREN_MAX]; /* 0: none */
	char *environment[4];
	bool served; /* a node was in service */
};

int starter_serve_init(struct starter_serve *s, const struct starter_config *config);
void starter_serve_finish(struct starter_serve *s);
/* One request of the node at the socket. 0; -EAGAIN: there is none; -EPIPE: it is gone; -EBADMSG:
 * it asked what no node asks, and was killed for it. */
int starter_serve_one(struct starter_serve *s, pid_t node, int socket);
/* A child has been reaped. */
void starter_serve_reaped(struct starter_serve *s, pid_t pid);
/* The node is dead: its children end. */
void starter_serve_lost(struct starter_serve *s);

#endif
