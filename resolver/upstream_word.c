/* Reading a word of upstream=. */
#include "resolver/upstream_word.h"

#include <errno.h>
#include <string.h>

#define TLS "tls://"
#define TLS_PORT 853

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* ZONE@: what stands before the first '@', which is in no address and in no scheme. */
static int take_zone(struct upstream_word *word, const char *at, const char **ret_why)
{
	if (name_from_text(word->server, (size_t)(at - word->server), &word->zone))
		return refuse(ret_why, "what stands before @ is no name");
	if (word->zone.len == 1)
		return refuse(ret_why, "the root is no zone apart: leave .@ out");
	word->server = at + 1;
	return 0;
}

/* What the certificate must say is a host name, or nobody could check it. */
static bool is_host(const struct name *name)
{
	return name->len > 1 && name->wire[1] != '*';
}

static int take_tls(struct upstream_word *word, const char **ret_why)
{
	const char *address = word->server + strlen(TLS), *hash = strchr(address, '#');
	size_t len = hash ? (size_t)(hash - address) : strlen(address);
	struct name name;

	word->kind = UPSTREAM_RELAYED;
	if (server_address_parse_port(address, len, TLS_PORT, &word->address))
		return refuse(ret_why, "behind tls:// stands an address, not a name");
	word->name = hash ? hash + 1 : NULL;
	if (!hash || name_from_text(word->name, strlen(word->name), &name) || !is_host(&name))
		return refuse(ret_why, "the name in the server's certificate is to follow: "
				       "tls://ADDR#NAME");
	return 0;
}

int upstream_word_parse(const char *text, struct upstream_word *ret_word, const char **ret_why)
{
	struct upstream_word *word = ret_word;
	const char *at = strchr(text, '@');
	int r;

	*word = (struct upstream_word){.zone = {.len = 1}, .server = text};
	r = at ? take_zone(word, at, ret_why) : 0;
	if (r)
		return r;
	if (strcmp(word->server, "system") == 0) {
		word->kind = UPSTREAM_SYSTEM;
		/* The servers of resolv.conf are the general ones; a zone is given to one by its
		 * address. */
		return at ? refuse(ret_why, "system is for all names") : 0;
	}
	if (strcmp(word->server, "recursive") == 0) {
		word->kind = UPSTREAM_RECURSIVE;
		return 0;
	}
	if (strncmp(word->server, TLS, strlen(TLS)) == 0)
		return take_tls(word, ret_why);
	word->kind = UPSTREAM_ADDRESS;
	if (server_address_parse(word->server, strlen(word->server), &word->address) == 0)
		return 0;
	return refuse(ret_why, at ? "behind @ stands neither recursive, ADDR[:PORT], "
				    "nor tls://ADDR#NAME"
				  : "neither system, recursive, ADDR[:PORT], tls://ADDR#NAME, "
				    "nor one of these behind ZONE@");
}
