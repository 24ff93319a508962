/* libunbound's reasons, by what is typical of each. */
#include "resolver/bogus.h"

#include <stddef.h>
#include <string.h>

#include "resolver/answer.h"

int bogus_ede(const char *why)
{
	static const struct {
		const char *words;
		int ede;
	} reasons[] = {
		{"signature expired", EDE_SIGNATURE_EXPIRED},
		{"before inception", EDE_SIGNATURE_EARLY},
		{"no signatures", EDE_RRSIGS_MISSING},
		{"No DNSKEY", EDE_DNSKEY_MISSING},
		{"no DNSKEY", EDE_DNSKEY_MISSING},
		{"no keys have a DS", EDE_DNSKEY_MISSING},
		{"Did not match a DS", EDE_DNSKEY_MISSING},
		{"failed to prove", EDE_NSEC_MISSING},
		{"no NSEC", EDE_NSEC_MISSING},
	};
	/* "validation failure <NAME TYPE CLASS>: reason": the name is a stranger's. */
	const char *reason = why ? strstr(why, ">: ") : NULL;
	for (size_t i = 0; reason && i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strstr(reason, reasons[i].words))
			return reasons[i].ede;
	return EDE_BOGUS;
}
