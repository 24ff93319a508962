/* Opening and closing the doors. */
#include "fs/doors.h"

#include <errno.h>
#include <string.h>

#include "fs/log.h"
#include "resolver/tls_server.h"
#include "resolver/upstream.h"

static void tls_says(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_NOTICE, "%s", line);
}

int doors_open_tls(struct doors *d, const struct config *c)
{
	char why[TLS_WHY_MAX];
	struct tls_server_config config = {.cert = c->tls_cert, .key = c->tls_key, .say = tls_says};
	if (c->door[DOOR_DOT].len == 0 && c->door[DOOR_HTTPS].len == 0)
		return 0;
	int r = tls_server_create(&config, &d->tls, why);
	if (r < 0)
		log_line(LOG_ERR, "%s", why);
	return r;
}

static int open_one(struct doors *d, const struct config *c, enum door_kind kind,
	const struct config_address *a, struct event_base *base, struct resolver *resolver)
{
	struct dns_door_config config = {.address = (const struct sockaddr *)&a->at.addr,
		.address_len = a->at.len,
		.allow = &c->allow,
		.tls = kind == DOOR_DOT || kind == DOOR_HTTPS ? d->tls : NULL,
		.http = kind == DOOR_HTTP || kind == DOOR_HTTPS,
		.status_to = &c->allow_status,
		.hosts = c->http_host,
		.hosts_len = c->http_host_len};
	int r = dns_door_open(base, resolver, &config, &d->door[d->len]);
	/* Two nodes on one machine are no mistake. */
	if (r == -EADDRINUSE && kind == DOOR_DNS && !c->dns_asked) {
		log_line(LOG_WARNING, "%s is in use: no DNS door (choose one with dns=)", a->text);
		return 0;
	}
	if (r < 0)
		log_line(LOG_ERR, "%s=%s: %s", config_door_name(kind), a->text, strerror(-r));
	return r;
}

int doors_open(struct doors *d, const struct config *c, struct event_base *base,
	struct resolver *resolver, struct upstream *upstream)
{
	struct server_address open[DOOR_KINDS * CONFIG_LIST_MAX];
	size_t open_len = 0;
	for (enum door_kind kind = 0; kind < DOOR_KINDS; kind++)
		for (size_t i = 0; i < c->door[kind].len; i++) {
			const struct config_address *a = &c->door[kind].at[i];
			int r = open_one(d, c, kind, a, base, resolver);
			if (r < 0)
				return r;
			if (!d->door[d->len])
				continue;
			d->len++;
			open[open_len++] = a->at; /* where a question could come back */
		}
	if (upstream)
		upstream_doors(upstream, open, open_len);
	return 0;
}

void doors_close(struct doors *d)
{
	while (d->len)
		dns_door_close(d->door[--d->len]);
	tls_server_destroy(d->tls);
	d->tls = NULL;
}
