/* The validator: the process that holds libunbound, and nothing else worth having.
 *
 * The life of a question here: a frame brings it; it is asked of the first server that is not
 * known to be down; after a second or so, or a failure, also of the next; the first answer wins,
 * and those asked before it that were silent move to the end of the order. A bogus answer is
 * final. The last one out answers: -EREMOTEIO, -ETIMEDOUT or -ENETUNREACH. */
#ifndef RESOLVER_VALIDATOR_H
#define RESOLVER_VALIDATOR_H

#define VALIDATOR_FD 3 /* where it finds its end of the socketpair */
#define VALIDATOR_ARGUMENT "--validator-child"

/* Confines itself and serves until the other end closes. Returns the exit status. */
int validator_main(int fd);

#endif
