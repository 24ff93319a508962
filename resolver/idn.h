/* Internationalized names (IDNA): what people type, as the DNS writes it. */
#ifndef RESOLVER_IDN_H
#define RESOLVER_IDN_H

#include <stddef.h>

/* A name in UTF-8, its labels by dots (also the three wide ones that input methods write), to the
 * same with each label that is not ASCII replaced by its A-label, whichever case and normal form it
 * was in. Labels in ASCII are left as they are. UTS 46, non-transitional, as browsers do; what IDNA
 * 2008 does not allow in a label is refused.
 *
 * 0; -EINVAL: no UTF-8, no such label, or no dot at all (then it is no record's file name);
 * -ENAMETOOLONG: an A-label over 63 bytes, or more than `cap` in all; -ENOMEM. */
int idn_to_ascii(const char *text, size_t len, char *ret_ascii, size_t cap, size_t *ret_len);

#endif
