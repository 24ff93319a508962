/* Reading a word of relay=. */
#include "resolver/relay_url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HTTPS "https://"
#define HTTPS_PORT 443
#define HTTP "http://"
#define HTTP_PORT 80

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* What needs no escape in a URL, and escapes. Keys are appended, so it ends in a slash. */
static int take_path(struct relay_url *url, const char *path, size_t len, const char **ret_why)
{
	if (len && path[len - 1] == '/')
		len--;
	if (len >= RELAY_PATH_MAX ||
		strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			     "/._~-%") < len)
		return refuse(ret_why, "the path is none: letters, digits, / . _ ~ - and %");
	snprintf(url->path, sizeof(url->path), "%.*s/", (int)len, path);
	return 0;
}

/* What a certificate says is a host name, with an inner dot, no wildcard, and no number. */
static bool is_host(const char *text, size_t len, struct name *ret_name)
{
	return len > 0 && name_from_text(text, len, ret_name) == 0 && ret_name->len > 1 &&
	       ret_name->wire[1] != '*' && memchr(text, '\\', len) == NULL &&
	       strspn(text, "0123456789.") < len;
}

/* NAME or NAME:PORT. */
static int take_host(struct relay_url *url, const char *text, size_t len, const char **ret_why)
{
	const char *colon = memchr(text, ':', len);
	size_t host_len = colon ? (size_t)(colon - text) : len;
	unsigned port = 0;

	for (const char *p = colon ? colon + 1 : text + len; p < text + len; p++) {
		if (*p < '0' || *p > '9' || port > 65535)
			return refuse(ret_why, "what stands behind the host is no port");
		port = port * 10 + (unsigned)(*p - '0');
	}
	if ((colon && port == 0) || port > 65535)
		return refuse(ret_why, "what stands behind the host is no port");
	if (!is_host(text, host_len, &url->host))
		return refuse(ret_why, "behind https:// stands neither a name nor an address");
	if (colon)
		url->port = (uint16_t)port;
	name_to_text(&url->host, url->name);
	return 0;
}

static int take_name(struct relay_url *url, const char *text, const char **ret_why)
{
	struct name name;

	if (!is_host(text, strlen(text), &name))
		return refuse(ret_why, "what stands behind # is no name of a host");
	name_to_text(&name, url->name);
	return 0;
}

int relay_url_parse(const char *text, struct relay_url *ret_url, const char **ret_why)
{
	struct relay_url *url = ret_url;
	const char *host, *hash = strchr(text, '#');
	size_t len, rest;
	int r;

	*url = (struct relay_url){.tls = strncmp(text, HTTPS, strlen(HTTPS)) == 0};
	if (!url->tls && strncmp(text, HTTP, strlen(HTTP)) != 0)
		return refuse(ret_why, "a relay is https://HOST[:PORT][/PATH]");
	url->port = url->tls ? HTTPS_PORT : HTTP_PORT;
	host = text + strlen(url->tls ? HTTPS : HTTP);
	rest = hash ? (size_t)(hash - host) : strlen(host);
	len = strcspn(host, "/#");
	/* With a scope it would be no host of a URL. */
	url->has_address = !memchr(host, '%', len) &&
			   server_address_parse_port(host, len, url->port, &url->address) == 0;
	if (!url->tls && !(url->has_address && server_address_is_private(&url->address)))
		return refuse(ret_why, "http:// is for an address of this network: https://");
	r = url->has_address ? 0 : take_host(url, host, len, ret_why);
	if (r == 0)
		r = take_path(url, host + len, rest - len, ret_why);
	if (r || !hash)
		return r;
	return url->has_address ? take_name(url, hash + 1, ret_why)
				: refuse(ret_why, "#NAME is for an address: the host is a name");
}
