/* What the node asks of the starter, and what that answers: frames (resolver/frame.h), written and,
 * without trust, read. The starter is asked by whoever has taken over the node. */
#ifndef FS_STARTER_FRAME_H
#define FS_STARTER_FRAME_H

#include <sys/socket.h>

#include "resolver/frame.h"

#define STARTER_TEXT_MAX 4300 /* a word of a command line, with its NUL */
#define STARTER_FRAME_MAX (FRAME_HEAD + 16 + STARTER_TEXT_MAX)
#define STARTER_REPLY_MAX (FRAME_HEAD + 16)
#define STARTER_FDS_MAX 2 /* with one packet */

struct starter_request {
	enum frame_kind kind;
	/* FRAME_SPAWN: whether its words are wanted; FRAME_KILL: whom; FRAME_TELL: enum
	 * notify_word; FRAME_CALL, FRAME_HOLDS, FRAME_KILLED: a thread. */
	int32_t number;
	uint64_t ino;			 /* FRAME_HOLDS */
	char text[STARTER_TEXT_MAX];	 /* FRAME_SPAWN: its argument */
	struct sockaddr_storage address; /* FRAME_BIND: IPv4 or IPv6 */
	socklen_t address_len;
};

struct starter_reply {
	int32_t error;	/* 0 or -errno */
	uint64_t value; /* FRAME_SPAWN: the pid; FRAME_MOUNT: the device; FRAME_CALL, FRAME_HOLDS,
			   FRAME_KILLED */
};

/* The writers return the length; buf holds STARTER_FRAME_MAX, STARTER_REPLY_MAX. */
size_t starter_frame_put(uint8_t *buf, uint64_t id, const struct starter_request *request);
size_t starter_frame_put_reply(uint8_t *buf, uint64_t id, const struct starter_reply *reply);
/* 0 or -EBADMSG. */
int starter_frame_get(const struct frame *frame, struct starter_request *ret_request);
int starter_frame_get_reply(const struct frame *frame, struct starter_reply *ret_reply);

/* A packet with its descriptors, over a SOCK_SEQPACKET pair. 0 or -errno of sendmsg(2). */
struct starter_packet {
	uint8_t *bytes;
	size_t len;
	int fds[STARTER_FDS_MAX];
	size_t fds_len;
};
int starter_send(int socket, const struct starter_packet *packet);
/* `len` is the room at first. 0; -EAGAIN: there is none; -EPIPE: the other side is gone; -EBADMSG:
 * too long, or with more descriptors. What it had of them is the caller's to close in any case. */
int starter_receive(int socket, struct starter_packet *packet);
void starter_packet_close(struct starter_packet *packet); /* its descriptors, but those set to -1 */

#endif
