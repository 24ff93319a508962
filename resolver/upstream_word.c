/* Reading a word of upstream=. */
#include "resolver/upstream_word.h"

#include <errno.h>
#include <string.h>

#define TLS "tls://"
#define TLS_PORT 853
#define HTTPS "https://"
#define HTTPS_PORT 443
#define HTTP "http://"
#define HTTP_PORT 80
#define PATH_MAX_LEN 200 /* of the path in a URL: servers have /dns-query, some a token behind it  \
			  */

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
	word->speech = UPSTREAM_DOT;
	word->tls = true;
	if (server_address_parse_port(address, len, TLS_PORT, &word->address))
		return refuse(ret_why, "behind tls:// stands an address, not a name");
	word->name = hash ? hash + 1 : NULL;
	if (!hash || name_from_text(word->name, strlen(word->name), &name) || !is_host(&name))
		return refuse(ret_why, "the name in the server's certificate is to follow: "
				       "tls://ADDR#NAME");
	return 0;
}

/* What needs no escape in a URL, and escapes. No query: a template (`{?dns}`) is not ours to fill.
 */
static bool is_path(const char *path, size_t len)
{
	return len <= PATH_MAX_LEN &&
	       strspn(path,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~-%") ==
		       len;
}

static bool ends_in_proxy(const struct upstream_word *word)
{
	static const char proxy[] = "/PROXY";
	size_t len = strlen(proxy);

	return word->path_len >= len && memcmp(word->path + word->path_len - len, proxy, len) == 0;
}

static int take_http(struct upstream_word *word, const char **ret_why)
{
	const char *hash = strchr(word->server, '#'), *address;
	struct name name;

	word->kind = UPSTREAM_RELAYED;
	word->tls = strncmp(word->server, HTTPS, strlen(HTTPS)) == 0;
	address = word->server + strlen(word->tls ? HTTPS : HTTP);
	word->path = strchr(address, '/');
	if (!word->path || (hash && hash < word->path))
		return refuse(ret_why, "behind the address a path is to follow, as in "
				       "https://ADDR/dns-query or http://ADDR/PROXY");
	word->path_len = hash ? (size_t)(hash - word->path) : strlen(word->path);
	if (!is_path(word->path, word->path_len))
		return refuse(ret_why, "the path is none: letters, digits, / . _ ~ - and %");
	/* With a scope it would be no host of a URL. */
	if (memchr(address, '%', (size_t)(word->path - address)) ||
		server_address_parse_port(address, (size_t)(word->path - address),
			word->tls ? HTTPS_PORT : HTTP_PORT, &word->address))
		return refuse(ret_why, "behind :// stands an address, not a name: "
				       "https://ADDR/dns-query#NAME");
	word->name = hash ? hash + 1 : NULL;
	if (hash && (name_from_text(word->name, strlen(word->name), &name) || !is_host(&name)))
		return refuse(ret_why, "what stands behind # is no name of a host");
	word->speech = ends_in_proxy(word) ? UPSTREAM_2009 : UPSTREAM_DOH;
	if (!word->tls && word->speech == UPSTREAM_DOH)
		return refuse(
			ret_why, "http:// is for the form of 2009, whose path ends in /PROXY");
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
	if (strncmp(word->server, HTTPS, strlen(HTTPS)) == 0 ||
		strncmp(word->server, HTTP, strlen(HTTP)) == 0)
		return take_http(word, ret_why);
	word->kind = UPSTREAM_ADDRESS;
	if (server_address_parse(word->server, strlen(word->server), &word->address) == 0)
		return 0;
	return refuse(ret_why, at ? "behind @ stands neither recursive, ADDR[:PORT], "
				    "tls://ADDR#NAME, https://ADDR/PATH, nor http://ADDR/PROXY"
				  : "neither system, recursive, ADDR[:PORT], tls://ADDR#NAME, "
				    "https://ADDR/PATH, http://ADDR/PROXY, "
				    "nor one of these behind ZONE@");
}
