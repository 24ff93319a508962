/* A relay: libunbound asks it over UDP on loopback, and it asks a server that libunbound cannot
 * speak to. This is what all of them have: the socket, what ails the server, and what is counted.
 *
 * While a server cannot be reached, or is not whom it should be, each question is answered with
 * SERVFAIL at once, so that the next upstream has its turn: none is ever asked in the clear. */
#ifndef RESOLVER_RELAY_H
#define RESOLVER_RELAY_H

#include <event2/event_struct.h>
#include <netinet/in.h>

#include "resolver/relay_message.h"
#include "resolver/server_address.h"
#include "resolver/upstream_word.h"

struct event_base;
struct relay;
struct relay_again;

#define RELAY_QUERIES_MAX 1024 /* under way; a few kB each */
#define RELAY_WHY_MAX 160

typedef void relay_say_fn(void *ctx, const char *line);
struct relay_config {
	const char *text;		  /* the word, for people: tls://ADDR#NAME */
	const struct upstream_word *word; /* the same, read */
	uid_t asker;			  /* whose questions it takes, besides our own user's */
	relay_say_fn *say;		  /* that it fails, why, and that it works again */
	void *say_ctx;
	int owners; /* a descriptor of udp_owner_open, of which a copy is made, for who is not
		     * allowed to open one any more; 0: one is opened */
};

struct relay_counters {
	uint64_t questions, answers, connections, resumed, failures;
	uint64_t again;	  /* questions that were asked again over a new connection */
	uint64_t dropped; /* that were none, or too many, or for which nothing came */
};

/* A datagram that came: `question_len` bytes are header and question. */
struct relay_asked {
	struct sockaddr_in from;
	const uint8_t *message;
	size_t len, question_len;
};
struct relay_kind {
	/* False: there is no place for it. */
	bool (*take)(struct relay *r, const struct relay_asked *asked);
	void (*taken)(struct relay *r); /* all that had come; NULL: nothing is to be done then */
	void (*destroy)(struct relay *r);
	bool repeated; /* libunbound does not wait for it, and asks again */
};

/* The first member of each kind. What reads it may be a stranger: `why` is printable. */
struct relay {
	const struct relay_kind *kind;
	struct event_base *base;
	char *text;
	relay_say_fn *say;
	void *say_ctx;
	int udp, owners; /* owners: where the kernel is asked whose a socket is; -1: it does not
			  * tell */
	uid_t asker;
	struct event asked;
	struct server_address at; /* where it listens */
	char why[RELAY_WHY_MAX]; /* "refused", "timeout", "certificate: …", and other reasons; "":
				  * it works, as far as is known */
	struct relay_again *again; /* what is under way; NULL: it does not matter */
	uint64_t used;		   /* when somebody asked last */
	uint64_t retry_delay, retry_at;
	struct relay_counters counters;
};

/* For the kinds. `r` is zeroed; relay_close is to follow in any case. */
int relay_open(struct relay *r, struct event_base *base, const struct relay_kind *kind,
	const struct relay_config *config);
void relay_close(struct relay *r);
/* `message` gets the id that libunbound gave its question. */
void relay_reply(
	struct relay *r, const struct sockaddr_in *to, unsigned id, uint8_t *message, size_t len);
/* The server is of no use for a while: counts, remembers why, and says it when it is news. */
void relay_failed(struct relay *r, const char *why);
/* It has answered. */
void relay_works(struct relay *r);
/* Takes what libunbound has asked, beside the event for it: before so much comes that some is lost.
 */
void relay_read(struct relay *r);
/* It has failed, and it is not yet time to try again. */
bool relay_waits(const struct relay *r);

/* For who keeps them. */
void relay_destroy(struct relay *r);
/* Nobody has asked it for so long, in seconds. */
unsigned relay_unused(const struct relay *r);
/* Adds. */
void relay_count(const struct relay *r, struct relay_counters *sum);

#endif
