/* First signers (design, section 4, rule 6): who answered first for a name under tofu= answers for it
 * from then on, all types. The names and keys are on disk (resolver/own); here is what makes that
 * cheap enough to be asked with each question: a filter that says "surely nobody" of most names, and
 * the latest answers. */
#ifndef RESOLVER_SIGNERS_H
#define RESOLVER_SIGNERS_H

#include "resolver/own.h"
#include "resolver/pins.h"

struct signers;
struct text;

/* Reads the names of the disk. -EBADMSG, -EIO, -ENOMEM. `own` outlives it. */
int signers_create(struct own *own, struct signers **ret_signers);
void signers_destroy(struct signers *s); /* NULL is fine */
/* The first signer as a pin, of the root: N is read as N.<KEY>. NULL: nobody signed first, or the disk
 * does not say; who goes on to the slot asks it once more, and believes nobody then. Valid until the
 * next call. */
const struct pin *signers_find(struct signers *s, const struct name *name);
/* Keeps the first; a second one changes nothing. */
void signers_remember(struct signers *s, const struct name *name, const uint8_t key[NAME_KEY_LEN]);
/* Lines of "KEY NAME". */
void signers_write(const struct signers *s, struct text *t);
/* -ENOENT, -EIO. */
int signers_forget(struct signers *s, const struct name *name);

#endif
