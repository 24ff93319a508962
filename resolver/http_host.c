/* Whether a request can have been meant for us. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "resolver/http_door.h"
#include "resolver/tls_server.h"

#define HOST_MAX 256

/* Browsers of today say it themselves; older ones say where the page is from when it may read the
 * reply, or posts. Who is no browser says neither. */
bool http_is_of_a_strangers_page(const struct http_request *r)
{
	struct http_piece site = r->field[HTTP_SEC_FETCH_SITE], origin = r->field[HTTP_ORIGIN];
	struct http_piece host = r->field[HTTP_HOST];
	if (site.at) /* none: its user typed it */
		return !http_is(site, "same-origin") && !http_is(site, "none");
	if (!origin.at)
		return false;
	const char *slashes = memmem(origin.at, origin.len, "://", 3);
	if (!slashes) /* "null" */
		return true;
	struct http_piece of = {slashes + 3, origin.len - (size_t)(slashes + 3 - origin.at)};
	return of.len != host.len || strncasecmp(of.at, host.at, of.len) != 0;
}

/* ":8882" or nothing. */
static bool is_port(struct http_piece p)
{
	if (p.len == 0)
		return true;
	if (p.at[0] != ':' || p.len > 6)
		return false;
	for (size_t i = 1; i < p.len; i++)
		if (p.at[i] < '0' || p.at[i] > '9')
			return false;
	return true;
}

bool http_host_of(struct http_piece authority, struct http_piece *ret_host)
{
	struct http_piece rest = authority;
	if (authority.len && authority.at[0] == '[') {
		const char *end = memchr(authority.at, ']', authority.len);
		if (!end)
			return false;
		*ret_host = (struct http_piece){authority.at + 1, (size_t)(end - authority.at) - 1};
		rest.at = end + 1;
	} else {
		const char *colon = authority.len ? memchr(authority.at, ':', authority.len) : NULL;
		*ret_host = (struct http_piece){
			authority.at, colon ? (size_t)(colon - authority.at) : authority.len};
		rest.at = authority.at + ret_host->len;
	}
	rest.len = authority.len - (size_t)(rest.at - authority.at);
	return ret_host->len > 0 && is_port(rest);
}

static bool is_address(const char *host)
{
	uint8_t address[16];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_localhost(const char *host, size_t len)
{
	static const char word[] = "localhost";
	size_t n = sizeof(word) - 1;
	if (len < n || strncasecmp(host + len - n, word, n) != 0)
		return false;
	return len == n || host[len - n - 1] == '.';
}

static bool is_listed(const struct dns_door *door, const char *host, size_t len)
{
	struct name name;
	if (name_from_text(host, len, &name) < 0)
		return false;
	for (size_t i = 0; i < door->hosts_len; i++)
		if (name_equal(&name, &door->hosts[i]))
			return true;
	return false;
}

bool http_host_good(const struct dns_door *door, struct http_piece authority)
{
	struct http_piece host;
	char text[HOST_MAX];
	if (!authority.at)
		return true;
	if (!http_host_of(authority, &host) || host.len >= sizeof(text) ||
		memchr(host.at, '\0', host.len))
		return false;
	if (host.at[host.len - 1] == '.' && host.len > 1)
		host.len--;
	memcpy(text, host.at, host.len);
	text[host.len] = '\0';
	return is_address(text) || is_localhost(text, host.len) ||
	       is_listed(door, text, host.len) ||
	       (door->tls && tls_server_is_named(door->tls, text));
}
