/* What the resolver's process says to its children, validator and signer, and they to it: one frame
 * is one packet of a SOCK_SEQPACKET pair, so the kernel keeps them apart and nothing is ever half
 * read.
 *
 * Both ends are the same program on the same machine, so numbers are in its own order. Neither
 * end believes the other: each length is carried and checked against what came. */
#ifndef RESOLVER_FRAME_H
#define RESOLVER_FRAME_H

#include "resolver/server_entry.h"

#define FRAME_HEAD 16
#define FRAME_WHY_MAX 255 /* why an answer is bogus is a line, not a log */
#define FRAME_MESSAGE_MAX 65535
#define FRAME_ASK_MAX (FRAME_HEAD + 4 + NAME_WIRE_MAX)
#define FRAME_SERVERS_MAX                                                                          \
	(FRAME_HEAD + 8 + SERVERS_MAX * sizeof(struct server_entry) +                              \
		UPSTREAM_INSECURE_MAX * sizeof(struct name))
#define FRAME_COUNTERS_MAX (FRAME_HEAD + SERVERS_MAX * sizeof(struct server_counters))
#define FRAME_MAX (FRAME_HEAD + 8 + FRAME_WHY_MAX + FRAME_MESSAGE_MAX)

enum frame_kind {
	FRAME_CONFIG = 1, /* to the child, once, first: what it needs of struct upstream_config */
	FRAME_ASK,	  /* to the child: a question */
	FRAME_CANCEL,	  /* to the child: nobody waits for this one any more */
	FRAME_ANSWER,  /* from the child: exactly one for each FRAME_ASK, cancelled or not, so that
			* both ends count the same questions */
	FRAME_SERVERS, /* to the child, before the first question and at each change: whom to ask */
	FRAME_COUNTERS, /* from the child, once a second while it works */
	/* Of the signer's process; what is in them is told in signer_frame.h. */
	FRAME_KEYS,   /* to it, once, first: where the keys are */
	FRAME_KEY,    /* to it: whose public key is wanted */
	FRAME_PART,   /* to it: a part of a zone to sign */
	FRAME_CLAIM,  /* to it: a claim to sign */
	FRAME_SIGNED, /* from it: exactly one for each of these and of what follows */
	FRAME_SECRET, /* to it: whose seed is wanted */
	FRAME_PUBLIC, /* to it: a seed, whose public key is wanted */
	FRAME_IMPORT, /* to it: a seed that is to be somebody's from now on */
	/* Of the DHT validator; beside FRAME_CONFIG, FRAME_ASK, FRAME_CANCEL and FRAME_ANSWER
	 * (judge_frame.h). */
	FRAME_WANT, /* from it: what it needs of slots for a question */
	FRAME_GIFT, /* to it: what was found there */
	/* Of the starter (fs/starter_frame.h), which the node asks. */
	FRAME_SPAWN,   /* to it: a child is wanted */
	FRAME_KILL,    /* to it: that child is not wanted any more */
	FRAME_BIND,    /* to it, with a socket: an address for it */
	FRAME_MOUNT,   /* to it: the mount is wanted */
	FRAME_UNMOUNT, /* to it: no more */
	FRAME_SERVING, /* to it: in service */
	FRAME_TELL,    /* to it: something for the service manager */
	FRAME_CALL,    /* to it: which system call a caller is in */
	FRAME_HOLDS,   /* to it: whether a caller has a file of the mount open */
	FRAME_KILLED,  /* to it: whether a caller is ending by a signal */
	FRAME_DONE,    /* from it: exactly one for each of these */
};

struct frame {
	enum frame_kind kind;
	uint64_t id; /* of the question */
	const uint8_t *payload;
	size_t len;
};
/* 0, or -EBADMSG when the bytes are no frame. */
int frame_open(const uint8_t *buf, size_t len, struct frame *ret_frame);
/* Before `len` bytes that stand at buf + FRAME_HEAD. The length of the frame. */
size_t frame_put_head(uint8_t *buf, enum frame_kind kind, uint64_t id, size_t len);

/* Whom to ask, and what is not to be validated. */
struct frame_servers {
	struct server_entry servers[SERVERS_MAX];
	size_t len;
	struct name insecure[UPSTREAM_INSECURE_MAX];
	size_t insecure_len;
};

struct frame_answer {
	int error; /* as upstream_reply's, or -ECANCELED */
	bool secure, bogus, unvalidated;
	char why[FRAME_WHY_MAX + 1]; /* printable ASCII, as read; anything when written */
	const uint8_t *message;
	size_t len;
};

/* The writers return the length. buf holds FRAME_ASK_MAX bytes for what the parent says of a
 * question, FRAME_SERVERS_MAX and FRAME_COUNTERS_MAX for these, FRAME_MAX for the others. */
size_t frame_put_ask(uint8_t *buf, uint64_t id, const struct question *q);
size_t frame_put_cancel(uint8_t *buf, uint64_t id);
size_t frame_put_answer(uint8_t *buf, uint64_t id, const struct frame_answer *answer);
size_t frame_put_servers(uint8_t *buf, const struct frame_servers *servers);
size_t frame_put_counters(uint8_t *buf, const struct server_counters *counters, size_t len);
/* Length, or -E2BIG when the words do not fit. */
int frame_put_config(uint8_t *buf, const struct upstream_config *config);

/* The readers return 0 or -EBADMSG. What they hand out points into the frame. */
int frame_get_ask(const struct frame *frame, struct question *ret_question);
int frame_get_answer(const struct frame *frame, struct frame_answer *ret_answer);
int frame_get_config(const struct frame *frame, struct upstream_config *ret_config);
int frame_get_servers(const struct frame *frame, struct frame_servers *ret_servers);
/* SERVERS_MAX of them at most. */
int frame_get_counters(
	const struct frame *frame, struct server_counters *ret_counters, size_t *ret_len);

#endif
