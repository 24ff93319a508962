/* Reading the configuration again. */
#include "fs/reload.h"

#include <string.h>

#include "fs/log.h"

/* Only what resolver_set_policy takes: whether there is a DHT is not for a reload to say. */
static void apply_policy(const struct reload *what, const struct policy *policy)
{
	what->policy->mode = policy->mode;
	what->policy->lookup_always = policy->lookup_always;
	what->policy->mirror = policy->mirror;
	what->policy->tofu = policy->tofu;
	what->policy->private_ok = policy->private_ok;
	what->policy->split = policy->split;
	resolver_set_policy(what->resolver, policy);
}

static void apply_tls(struct tls_server *tls, const struct config *config)
{
	char why[TLS_WHY_MAX];
	if (!tls || !config->tls_cert || !config->tls_key)
		return;
	if (tls_server_reload(tls, config->tls_cert, config->tls_key, why) < 0)
		log_line(LOG_ERR, "%s; the certificate stays as it was", why);
	else
		log_line(LOG_NOTICE, "the certificate is read again");
}

/* The option's lines as one list; each was good by itself. NULL in *ret_list: there are none. */
int reload_pins(const struct config *c, struct pin_list **ret_list)
{
	struct pin_list *list = NULL;
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->pin_len; i++) {
		struct pins_input in = {c->pin[i], strlen(c->pin[i]), PINS_OF_OPTIONS, list};
		struct pins_mistake mistake;
		struct pin_list *longer = NULL;
		r = pin_list_read(&in, &mistake, &longer);
		pin_list_unref(list);
		list = longer;
	}
	*ret_list = list;
	return r;
}

/* Users' own pins are as they are: each counts when it is written. */
static void apply_pins(struct resolver *r, const struct config *config)
{
	struct pin_list *list;
	int e = reload_pins(config, &list);
	if (e == 0)
		e = resolver_set_pins(r, PINS_OF_OPTIONS, list);
	pin_list_unref(list);
	if (e < 0)
		log_line(LOG_ERR, "pin: %s; they stay as they were", strerror(-e));
}

static int reload_upstream(const struct reload *what, const struct upstream_config *config)
{
	relays_before_reload(what->relays);
	int r = upstream_reload(what->upstream, config);
	relays_after_reload(what->relays, r == 0);
	return r;
}

static void apply(const struct reload *what, const struct config *config)
{
	struct upstream_config upstream = {0};
	int r = 0;
	config_upstream(config, &upstream);
	if (!what->upstream != (upstream.list_len == 0))
		log_line(LOG_WARNING, "to turn conventional DNS on or off, kadns must be started "
				      "again");
	else if (what->upstream)
		r = reload_upstream(what, &upstream);
	if (r < 0)
		log_line(LOG_ERR, "upstream: %s; it stays as it was", strerror(-r));
	if (hosts_reopen(what->hosts, config->hosts) < 0)
		log_line(LOG_ERR, "hosts: out of memory; it stays as it was");
	apply_tls(what->tls, config);
	apply_policy(what, &config->policy);
	apply_pins(what->resolver, config);
	resolver_forget(what->resolver);
	log_line(LOG_NOTICE,
		"upstream, insecure_zone, hosts, pin, trust, lookup, mirror, tofu and private_ok are "
		"read again");
}

void reload(const struct reload *what)
{
	struct config config;
	if (config_read_again(what->argc, what->argv, what->directory, &config) < 0) {
		log_line(LOG_ERR, "the configuration stays as it was");
		return;
	}
	apply(what, &config);
	config_finish(&config);
}
