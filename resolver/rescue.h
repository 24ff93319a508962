/* A question that DNS does not answer, answered from copies of what it once said: rule 5 of the
 * design's section 4.
 *
 * The life of it: the slot of the question is read; where nothing there is a signed copy that is
 * the end. Else the judge is asked, and meanwhile the slots are read in which the keys must stand:
 * DNSKEY and DS of each name from the root to who signed the copy. What more the judge wants (the
 * end of an alias) is looked for when it says so. It is given the first candidate, and when that
 * was no good the next: what has records before denials, the latest signed first. What it holds
 * proven is the answer, for an hour at most, and no longer than all that it has used is signed.
 * What it found no good comes last from then on (refuted.h).
 *
 * Bounded: the slot of the question costs what any does (work.h), all the others WORK_CHAIN
 * packets, and what is left of the signature checks; RESCUE_SOURCES_MAX slots;
 * RESCUE_CANDIDATES_MAX messages from each. */
#ifndef RESOLVER_RESCUE_H
#define RESOLVER_RESCUE_H

#include "resolver/fetch.h"

#define RESCUE_SOURCES_MAX 40	 /* a name has ten labels at most that matter, an alias as many */
#define RESCUE_CANDIDATES_MAX 12 /* as often as the judge asks for the same */
#define RESCUE_TTL_MAX 3600

struct rescue;

/* `done` is called once, never before this has returned, and takes over `a` (NULL: no memory). What
 * it costs is taken from `work` and shown in `trace` (may be NULL); both stand. */
struct rescue_want {
	const struct fetch_env *env;
	struct question question;
	struct work *work;
	struct trace *trace;
	void (*done)(void *ctx, struct answer *a);
	void *ctx;
};
int rescue_start(const struct rescue_want *want, struct rescue **ret_rescue);
void rescue_cancel(struct rescue *r); /* no callback afterwards; NULL is fine */

#endif
