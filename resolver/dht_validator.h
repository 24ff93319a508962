/* The DHT validator: a process that holds libunbound, as the validator does, but asks only the
 * node.
 *
 * The life of a case: a frame brings the question; a context of libunbound is made for it alone,
 * which forwards to a socket of ours on loopback; what it asks there goes to the node (FRAME_WANT),
 * and what the node gives back (FRAME_GIFT), a message that lay in a slot, is its answer; in the
 * end libunbound says whether all that is proven from the root. So libunbound is used as it is,
 * with all that it knows of DNSSEC, and what it asks is counted for the question that it is asked
 * for. Nothing is kept from one case to the next: what one stranger's forgery has done to a cache
 * is gone with it.
 *
 * Where the kernel allows, the process has a network of its own, with nothing in it but loopback.
 */
#ifndef RESOLVER_DHT_VALIDATOR_H
#define RESOLVER_DHT_VALIDATOR_H

#include <stdbool.h>

#define DHT_VALIDATOR_FD 3 /* where it finds its end of the socketpair */
#define DHT_VALIDATOR_ARGUMENT "--dht-validator-child"

/* To be called first in main: when this process is the child, runs it and returns true with the
 * exit status; otherwise false. */
bool dht_validator_child(int argc, char **argv, int *ret_status);

#endif
