/* The signer's process: it holds the keys, and nothing else can be asked of it but a public key and
 * a signature over what it has parsed itself.
 *
 * It has one descriptor of the node, a socketpair, and one of the directory of the keys; no core,
 * no tracing, no capability, no other file, no other socket (confine.h, sandbox.h). It stays the
 * user that the daemon is, whose the files are, and dies with it. */
#ifndef RESOLVER_SIGNER_PROCESS_H
#define RESOLVER_SIGNER_PROCESS_H

#include <stdbool.h>

#define SIGNER_FD 3 /* where it finds its end of the socketpair */
#define SIGNER_ARGUMENT "--signer-child"
/* In its environment: the directory of the keys, where it is not for the node to say. */
#define SIGNER_KEYS "KADNS_KEYS"

/* To be called first in main(): true when this process is the signer, which by then has done its
 * work and is to exit with *ret_status. */
bool signer_child(int argc, char **argv, int *ret_status);

#endif
