/* What conventional DNS is asked through. */
#include "fs/upstreams.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "fs/log.h"

/* The user that libunbound's process becomes: asked for, or `kadns` where it exists. */
static const char *validator_user(const struct config *c)
{
	if (c->user)
		return c->user;
	return getpwnam("kadns") ? "kadns" : "nobody";
}

/* The validator reads these files as another user, long after anybody looks at the terminal. Where
 * that user cannot be tried (a user namespace has nobody else) it is not the same machine's root
 * who could hide them. */
static int check_readable(const char *user, const char *path)
{
	const struct passwd *pw = getpwnam(user);
	if (!path || geteuid() != 0 || !pw || seteuid(pw->pw_uid) < 0)
		return 0;
	int r = eaccess(path, R_OK) < 0 ? -errno : 0;
	if (seteuid(0) < 0) {
		r = -errno;
		log_line(LOG_ERR, "seteuid: %s", strerror(-r));
		return r;
	}
	if (r < 0)
		log_line(LOG_ERR, "%s: %s cannot read it: %s", path, user, strerror(-r));
	return r;
}

int upstreams_check(const struct config *c)
{
	int r = c->upstream_len ? check_readable(validator_user(c), c->root_hints) : 0;
	if (r == 0 && c->upstream_len)
		r = check_readable(validator_user(c), c->trust_anchor);
	return r;
}

static void validator_says(void *ctx, const char *line)
{
	(void)ctx;
	/* What it prints itself begins with our name. */
	log_line(LOG_WARNING, "validator: %s", strncmp(line, "kadns: ", 7) == 0 ? line + 7 : line);
}

static void relay_says(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_WARNING, "%s", line);
}

int upstreams_open(const struct config *c, struct event_base *base, struct relays **ret_relays,
	struct upstream **ret_upstream)
{
	struct upstream_config config = {.root_hints = c->root_hints,
		.trust_anchor = c->trust_anchor,
		.user = validator_user(c),
		.say = validator_says,
		.relay = relays_get,
		.relay_why = relays_why,
		.test_zones = c->policy.test_zones,
		.loopback_servers = c->policy.test_zones};
	if (c->upstream_len == 0)
		return 0;
	config_upstream(c, &config);
	int r;
	const struct passwd *pw = geteuid() == 0 ? getpwnam(config.user) : NULL;
	r = relays_create(base, pw ? pw->pw_uid : geteuid(), relay_says, NULL, ret_relays);
	if (r == 0) {
		config.relay_ctx = *ret_relays;
		r = upstream_create(base, &config, ret_upstream);
	}
	if (r < 0)
		log_line(LOG_ERR, "upstream: %s", strerror(-r));
	return r;
}

static void judge_says(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_WARNING, "%s", strncmp(line, "kadns: ", 7) == 0 ? line + 7 : line);
}

int upstreams_open_judge(const struct config *c, struct event_base *base, struct judge **ret_judge)
{
	struct upstream_config config = {.trust_anchor = c->trust_anchor,
		.user = validator_user(c),
		.say = judge_says,
		.test_zones = c->policy.test_zones};
	if (!c->dht || c->upstream_len == 0 ||
		(!c->trust_anchor && access(UPSTREAM_TRUST_ANCHOR, R_OK) < 0))
		return 0;
	int r = judge_create(base, &config, ret_judge);
	if (r < 0)
		log_line(LOG_ERR, "DHT validator: %s", strerror(-r));
	return r;
}
