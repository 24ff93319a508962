/* SvcParams of SVCB and HTTPS (RFC 9460): each a key with a list of items, one item, or none.
 *
 * Zone text and JSON differ in how they write the list, not in what an item is; so both come
 * here with items. What is opaque (dohpath, keyN) is one item: its bytes. */
#ifndef RESOLVER_SVC_PARAMS_H
#define RESOLVER_SVC_PARAMS_H

#include "resolver/rdata.h"

#define SVC_PARAMS_MAX                                                                             \
	64 /* of one record; eight keys are known, and order is found by insertion                 \
	    */

enum svc_kind {
	SVC_KEYS,    /* mandatory: a list of keys */
	SVC_STRINGS, /* alpn: a list of character-strings */
	SVC_EMPTY,   /* no-default-alpn, ohttp: no value */
	SVC_PORT,
	SVC_IPV4,   /* a list */
	SVC_IPV6,   /* a list */
	SVC_BASE64, /* ech */
	SVC_OPAQUE,
};
enum svc_kind svc_kind(uint16_t key);
bool svc_is_list(enum svc_kind kind);
#define SVC_KEY_TEXT_MAX 20
const char *svc_key_to_text(uint16_t key, char ret_text[SVC_KEY_TEXT_MAX]);
bool svc_key_from_text(const char *text, size_t len, uint16_t *ret_key);

/* Collects parameters in any order. An object for the heap. */
struct svc_params {
	unsigned count;
	struct svc_param {
		uint16_t key;
		size_t at, len;	 /* its value in `values` */
	} param[SVC_PARAMS_MAX]; /* by rising key */
	struct rdata values;
	struct svc_param *open; /* the one that takes items */
};
void svc_params_begin(struct svc_params *p);
/* Begins a parameter; -EINVAL when the key stands there already, is 65535, or there are too many.
 */
int svc_params_key(struct svc_params *p, uint16_t key);
/* One item of it, as text for all but SVC_STRINGS and SVC_OPAQUE. 0, -EINVAL, -EFBIG. */
int svc_params_item(struct svc_params *p, const char *bytes, size_t len);
/* Appends all to the RDATA by rising key; -EINVAL when a value lacks its items or "mandatory"
 * names what is not there (RFC 9460, section 8). */
int svc_params_end(const struct svc_params *p, struct rdata *r);

/* Would these parameters come back as the same bytes from what is printed of them? Strangers may
 * send values of a wrong length, or "mandatory" out of order. 0, -EINVAL, -ENOMEM. */
int svc_params_check(const uint8_t *params, size_t len);
/* Steps through the parameters of RDATA from *offset: 1, 0 at the end, -EINVAL. */
int svc_params_next(const uint8_t *rdata, size_t len, size_t *offset, uint16_t *ret_key,
	const uint8_t **ret_value, size_t *ret_len);
/* Steps through the items of a value from *offset, *offset = 0 first: puts one as
 * svc_params_item takes it (bytes of a stranger for SVC_STRINGS and SVC_OPAQUE). 1, 0, -EINVAL. */
int svc_item_next(enum svc_kind kind, const uint8_t *value, size_t len, size_t *offset,
	struct text *ret_item);

#endif
