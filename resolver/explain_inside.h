/* What explain.c, which says what each source said, and explain_verdict.c, which says why the
 * winner won, share; nobody else includes it. */
#ifndef RESOLVER_EXPLAIN_INSIDE_H
#define RESOLVER_EXPLAIN_INSIDE_H

#include "resolver/explain.h"
#include "resolver/resolver_inside.h"
#include "resolver/text.h"

/* What is held of a question, as one user sees it. */
struct picture {
	struct resolver *r;
	const struct explain_question *e;
	const struct own_record *own;
	const struct answer *hosts; /* where there is no own record */
	struct policy_part parts[CACHE_PARTS];
	bool decided;		     /* without anybody being asked */
	const struct answer *winner; /* NULL: no source may answer */
	const struct answer *whole;  /* with what its aliases lead to; NULL: not held, or they do not */
	struct question end;	     /* where they lead */
	bool leads;
};

const char *explain_part(enum cache_part part); /* "pin" "zone" "slot" "dns" */
const char *explain_error(int error);		/* -ENOENT: "ENOENT" */
void explain_verdict(struct text *t, const struct picture *p);

#endif
