/* Who may answer for a name (design, section 4): the rules, without any I/O.
 *
 * `policy_sources` says whom to ask for a question; `policy_decide` looks at what has arrived and
 * says whether there is a winner that nothing still awaited could change. */
#ifndef RESOLVER_POLICY_H
#define RESOLVER_POLICY_H

#include "resolver/answer.h"
#include "resolver/cache.h"
#include "resolver/pins.h"

enum policy_mode { POLICY_GUARDED, POLICY_OPEN, POLICY_STRICT };

#define POLICY_SUFFIXES_MAX 32
struct policy_suffixes {
	struct name name[POLICY_SUFFIXES_MAX];
	size_t len;
};
/* Is it at or below one of them? */
bool policy_suffixes_have(const struct policy_suffixes *list, const struct name *name);

struct policy {
	enum policy_mode mode;
	bool dht;              /* there is a DHT node */
	bool upstream;         /* there is conventional DNS */
	bool copies;           /* what DNS once said can be judged without it (resolver/judge) */
	bool lookup_always;    /* slots of plain names are asked at once; else only when DNS had nothing */
	bool mirror;           /* what DNS proves is left on the DHT for others (resolver/mirror) */
	bool test_zones;       /* root_hints= was given: `test.` is an ordinary name */
	struct policy_suffixes tofu;       /* where claims of unknown keys count */
	struct policy_suffixes private_ok; /* where private addresses may come from others */
	struct policy_suffixes split;      /* of upstream=ZONE@…: whose servers alone are told of names */
};

/* What kind of name it is; the first that fits. */
enum policy_kind {
	NAME_UNDER_KEY,   /* the zone of that key, nothing else */
	NAME_ALT,         /* never upstream, but with dht=off */
	NAME_LOCAL,       /* never to the DHT: localhost, local, onion, invalid, internal, home.arpa, … */
	NAME_PLAIN,
};
enum policy_kind policy_kind(const struct policy *p, const struct name *name);
/* May strangers hear of this name, so that its records and claims lie on the DHT? Not of local ones,
 * nor of those that have servers of their own. */
bool policy_tells_dht(const struct policy *p, const struct name *name);

/* State of one source for one question. */
enum policy_state { PART_NOT_ASKED, PART_ASKED, PART_ANSWERED };
struct policy_part {
	enum policy_state state;
	const struct answer *answer; /* when answered; error members say what failed */
	const struct pin *pin;       /* of PART_PIN and what follows: NULL, none covers the name */
};

/* May this part be asked for this question at all, and if so: at once, or only when policy_decide
 * asks for it? */
enum policy_when { ASK_NEVER, ASK_NOW, ASK_LATER };
enum policy_when policy_when(const struct policy *p, const struct question *q, enum cache_part part);
/* The same, with the reason in words where it is not ASK_NOW. */
struct policy_rule {
	enum policy_when when;
	const char *why;
};
struct policy_rule policy_rule(const struct policy *p, const struct question *q,
	enum cache_part part);
/* The same for who has pins: behind one that fails closed nobody is asked, or told of the name. */
struct policy_rule policy_rule_pinned(const struct policy *p, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], enum cache_part part);
/* The sources in the order in which they win, and how many there are. */
size_t policy_order(const struct policy *p, enum cache_part ret_parts[CACHE_PARTS]);
const char *policy_mode_text(enum policy_mode mode);

/* A pin is passed over where its key's zone cannot be read, or has no record of the name, unless it
 * is strict. A name that is there without this type is there: DNS's AAAA does not stand beside its
 * A. */
bool policy_pin_goes_on(const struct pin *pin, const struct answer *a);

enum policy_verdict {
	VERDICT_WAIT,    /* something still awaited may win */
	VERDICT_ASK,     /* the part in *ret_part is needed now */
	VERDICT_DONE,    /* *ret_winner (borrowed) is final; NULL: nobody may answer (a miss) */
};
enum policy_verdict policy_decide(const struct policy *p, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], enum cache_part *ret_part,
	const struct answer **ret_winner);

/* policy_rebinds.c. Does the answer carry a private, loopback or link-local address that may not come from there
 * (rebinding)? Own records, names under keys, pins and names under `private_ok` are exempt. */
bool policy_rebinds(const struct policy *p, const struct answer *a);

#endif
