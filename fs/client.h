/* kadns ask, publish, withdraw and key: the program as a client of a running kadns, or of any
 * resolver; the last asks nobody. */
#ifndef FS_CLIENT_H
#define FS_CLIENT_H

#include "fs/local.h"

/* Is the first word one of the four? */
bool client_is(int argc, char **argv);
/* argv[0] is that word. The exit status: */
enum client_status {
	CLIENT_OK,
	CLIENT_USAGE,	  /* also: nobody is there to be asked, and a record that was refused */
	CLIENT_NOTHING,	  /* there is no such name, or nothing of that type */
	CLIENT_NO_ANSWER, /* in time, or no way there */
	CLIENT_FAILED,	  /* SERVFAIL and the like */
	CLIENT_BOGUS,	  /* DNSSEC shows that it is forged */
	CLIENT_UNTRUSTED, /* there is an answer, but not of the kind that --require wants */
};
int client_run(int argc, char **argv);

/* ---- parts ---- */

enum client_form { CLIENT_LINE, CLIENT_SHORT, CLIENT_DNS, CLIENT_EXPLAIN };
/* kadns key: the public key of the secret on standard input, in each form that .kadns/secret takes.
 * The exit status. */
int client_key(int argc, char **argv);
/* Prints an answer to stdout. */
void client_print(enum client_form form, const struct local_reply *reply);

/* Asks one upstream (a word of upstream=, without ZONE@) and makes of it what a kadns would say;
 * the reply's memory is the caller's: free `text` and `message`. 0, or -errno with a reason on
 * stderr. */
int client_via(const char *word, const struct question *q, struct local_reply *ret_reply);

#endif
