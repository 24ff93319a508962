/* Signs and reads claims for test_claim_dnspython.py: one request a line, one reply a line.
 *
 *   sign NAME TYPE TTL INCEPTION EXPIRATION RDATA…  ->  KEY PACKET       RDATA, KEY, PACKET:
 * hexadecimal read NAME TYPE NOW PACKET                       ->  KEY… of the claims believed, or
 * "none"
 *
 * usage: claim_lines DIR     the key of uid 0 in DIR signs */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/signer_keys.h"

#define LINE_MAX_LEN 40000

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
	size_t n = strlen(hex) / 2;
	unsigned byte;

	for (size_t i = 0; i < n; i++) {
		assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		ret_bytes[i] = (uint8_t)byte;
	}
	return n;
}

static void put_hex(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
}

static const char *word(void)
{
	return strtok(NULL, " \n");
}

static uint32_t number(void)
{
	return (uint32_t)strtoul(word(), NULL, 10);
}

static struct question question(void)
{
	struct question q = {.class = CLASS_IN};
	const char *name = word(), *type = word();

	assert(name_from_text(name, strlen(name), &q.name) == 0);
	assert(type_from_text(type, strlen(type), &q.type));
	return q;
}

static void sign(struct keys *s)
{
	struct question q = question();
	struct rrset *set = rrset_create(&q, number());
	uint32_t inception = number(), expiration = number();
	uint8_t bytes[LINE_MAX_LEN / 2], packet[CLAIM_BYTES_MAX], key[NAME_KEY_LEN];
	struct claim_request request = {set, inception, expiration};
	struct key_owner owner = {.uid = 0};
	uint8_t sig[64];
	struct claim claim;
	const char *hex;
	int len;

	assert(set);
	while ((hex = word()))
		assert(rrset_add(set, bytes, from_hex(hex, bytes)) == 0);
	assert(keys_of(s, 0, key) == 0);
	memcpy(owner.key, key, sizeof(key));
	assert(keys_sign_claim(s, &owner, &request, sig) == 0);
	assert(claim_make(set, key, inception, expiration, sig, &claim) == 0);
	len = claim_write(&claim, packet, sizeof(packet));
	assert(len > 0);
	put_hex(key, sizeof(key));
	printf(" ");
	put_hex(packet, (size_t)len);
	printf("\n");
	claim_finish(&claim);
	rrset_destroy(set);
}

static void read_packet(void)
{
	struct question q = question();
	unsigned budget = 16;
	struct slot_reading reading = {.budget = &budget, .now = number()};
	uint8_t packet[LINE_MAX_LEN / 2];
	size_t len = from_hex(word(), packet);
	struct slot slot;

	slot_init(&slot, &q);
	slot_add_packet(&slot, packet, len, &reading);
	for (size_t i = 0; i < slot.claims_len; i++) {
		put_hex(slot.claims[i].key, NAME_KEY_LEN);
		printf(" ");
	}
	printf("%s\n", slot.claims_len ? "" : "none");
	slot_finish(&slot);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_LEN];
	struct keys *s;

	if (argc != 2 || keys_open(argv[1], &s) < 0) {
		fprintf(stderr, "usage: claim_lines DIR\n");
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		const char *verb = strtok(line, " \n");

		if (verb && strcmp(verb, "sign") == 0)
			sign(s);
		else if (verb && strcmp(verb, "read") == 0)
			read_packet();
		fflush(stdout);
	}
	keys_close(s);
	return 0;
}
