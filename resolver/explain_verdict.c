/* The last line of .kadns/explain: who won and why, or what went wrong. */
#include <errno.h>
#include <string.h>

#include "resolver/explain_inside.h"
#include "resolver/trace.h"

const char *explain_part(enum cache_part part)
{
	switch (part) {
	case CACHE_ZONE:
		return "zone";
	case CACHE_SLOT:
		return "slot";
	case CACHE_COPY:
		return "copy";
	case CACHE_DNS:
		return "dns";
	case PART_PIN:
	case PART_PIN_FOR_ALL:
		return "pin";
	case PART_ALIAS:
		return "alias";
	case PART_ATTESTED:
		return "attested";
	case PART_SIGNER:
		return "signer";
	case CACHE_PARTS:
		break;
	}
	return "";
}

const char *explain_error(int error)
{
	const char *name = strerrorname_np(-error);
	return name ? name : "EIO";
}

static enum cache_part part_of(const struct picture *p, const struct answer *a)
{
	enum cache_part part = 0;
	while (part < CACHE_PARTS && p->parts[part].answer != a)
		part++;
	return part;
}

static const char *why_slot_won(const struct picture *p, const struct answer *a)
{
	bool known = a->trace && a->trace->has_known;
	if (p->r->config.policy.mode == POLICY_OPEN)
		return "with trust=open claims come first";
	if (!p->parts[CACHE_DNS].answer)
		return known ? "the signer is the one that is remembered"
			     : "this is the first signer seen";
	return known ? "DNS says that there is no such name, and the signer is remembered"
		     : "DNS says that there is no such name, and this is the first signer seen";
}

static const char *why_won(const struct picture *p, const struct answer *a)
{
	switch (part_of(p, a)) {
	case CACHE_ZONE:
		return "the name is under that key, and only its zone may answer";
	case CACHE_DNS:
		return p->r->config.policy.mode == POLICY_OPEN ? "no claim answered before it"
							       : "what DNS answers is final";
	case CACHE_SLOT:
	case PART_ALIAS:
		return why_slot_won(p, a);
	case CACHE_COPY:
		return "DNS does not answer, and this copy of what it said is proven from the root";
	case PART_PIN:
		return "a pin of yours comes first, and its key's zone has the name";
	case PART_PIN_FOR_ALL:
		return "a pin that holds for all comes first, and its key's zone has the name";
	case PART_ATTESTED:
		return "the zone that signs the name attests this key, whose zone has the name";
	case PART_SIGNER:
		return p->parts[CACHE_DNS].answer
			       ? "DNS says that there is no such name, and the zone of the signer "
				 "who is remembered has it"
			       : "the zone of the signer who is remembered has the name";
	case CACHE_PARTS:
		break;
	}
	return "";
}

/* Where a signer is remembered DNS has no such name, or is not asked, and his zone is the last
 * word. */
static const char *why_signer_is_last(const struct answer *a)
{
	if (a->error != -ENOENT)
		return "the zone of the signer who is remembered could not be read";
	return a->lacks_name ? "the signer who is remembered has taken the name out of his zone"
			     : "the zone of the signer who is remembered has no such record";
}

static const char *why_dns_is_last(const struct picture *p, const struct answer *a)
{
	if (a->error != -ENOENT)
		return "DNS failed, and a claim may answer only where it says that there is no "
		       "such "
		       "name";
	if (a->rcode != RCODE_NXDOMAIN)
		return "DNS says that there is no such record";
	const struct answer *signer = p->parts[PART_SIGNER].answer;
	if (signer && signer->has_signer)
		return why_signer_is_last(signer);
	return p->parts[CACHE_SLOT].answer
		       ? "DNS says that there is no such name, and no claim answers"
		       : "DNS says that there is no such name, and the slot may not answer";
}

static const char *why_pin_is_last(const struct answer *a)
{
	if (a->error != -ENOENT)
		return "the zone of the pin's key could not be read, and nobody else may answer";
	if (a->has_signer && !a->lacks_name)
		return "the zone of the pin's key has the name, but no such record";
	return "the zone of the pin's key does not have it, and nobody else has";
}

static const char *why_lost(const struct picture *p, const struct answer *a)
{
	if (!a)
		return "no source may answer for this name";
	if (a->error == -ENOENT && a->ede == EDE_FILTERED)
		return "private addresses from elsewhere are dropped";
	switch (part_of(p, a)) {
	case PART_PIN:
	case PART_PIN_FOR_ALL:
	case PART_ATTESTED:
		return why_pin_is_last(a);
	case PART_SIGNER:
		return why_signer_is_last(a);
	case CACHE_COPY:
		return "DNS does not answer, and a copy of what it said proves that there is none";
	case CACHE_ZONE:
	case CACHE_SLOT:
	case PART_ALIAS:
		if (a->error == -ENETUNREACH)
			return "no node of the DHT answered";
		if (a->error != -ENOENT)
			return "the DHT could not be read";
		return a->has_signer ? "the zone of the key has no such record"
				     : "nobody on the DHT has it";
	case CACHE_DNS:
		if (a->error == -EBADMSG)
			return "DNSSEC proves the answer wrong";
		return why_dns_is_last(p, a);
	case CACHE_PARTS:
		break;
	}
	return "";
}

static const char *why_own(const struct picture *p)
{
	uint8_t key[NAME_KEY_LEN];
	if (name_key(&p->own->question.name, key))
		return "the name is under a key of this machine";
	return p->own->uid == p->e->view ? "your own record comes first"
					 : "root's and the daemon owner's records answer for all";
}

static void put_error(struct text *t, int error, const char *why)
{
	text_format(t, "verdict: %s (%s): %s\n", explain_error(error), strerror(-error), why);
}

/* The winner has an alias of the name, and somebody else has its end. */
static void put_led(struct text *t, const struct picture *p)
{
	char name[NAME_TEXT_MAX];
	const struct answer *a = p->whole;
	int error = a ? a->error : p->e->outcome;
	if (a && !a->error)
		text_format(t, "verdict: %s answers, trust %s: %s",
			explain_part(part_of(p, p->winner)), answer_trust_text(a->trust),
			why_won(p, p->winner));
	else if (error)
		text_format(t, "verdict: %s (%s): %s has an alias", explain_error(error),
			strerror(-error), explain_part(part_of(p, p->winner)));
	else
		text_format(t, "verdict: %s has an alias", explain_part(part_of(p, p->winner)));
	name_to_absolute(&p->end.name, name);
	text_puts(t, a && !a->error ? ", and its alias leads to " : ", which leads to ");
	text_puts(t, name);
	text_puts(t, "\n");
}

static const char why_hosts[] = "a name in the hosts file has the addresses that stand there";

void explain_verdict(struct text *t, const struct picture *p)
{
	const struct answer *a = p->winner;
	if (p->own)
		text_format(t, "verdict: own answers, trust self: %s\n", why_own(p));
	else if (p->hosts && !p->hosts->error)
		text_format(t, "verdict: hosts answers, trust self: %s\n", why_hosts);
	else if (p->hosts)
		put_error(t, p->hosts->error, why_hosts);
	else if (p->leads)
		put_led(t, p);
	else if (p->decided && a && !a->error)
		text_format(t, "verdict: %s answers, trust %s: %s\n", explain_part(part_of(p, a)),
			answer_trust_text(a->trust), why_won(p, a));
	else if (p->decided)
		put_error(t, a ? a->error : -ENOENT, why_lost(p, a));
	else if (p->e->outcome == -ETIMEDOUT)
		put_error(t, -ETIMEDOUT, "no answer within the deadline");
	else if (p->e->outcome)
		put_error(t, p->e->outcome, "the question was not answered");
	else
		text_puts(t, "verdict: not known: what was answered is no longer held\n");
}
