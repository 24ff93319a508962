/* The option table, and what each value may be. */
#include "fs/options.h"

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/rate.h"
#include "resolver/relay_url.h"

/* A whole decimal number, nothing else: "4x" and "" are refused, and so is "+4". */
static bool number(const char *text, unsigned long max, unsigned long *ret_number)
{
	unsigned long n = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned long)(*text - '0');
		if (n > max)
			return false;
	}
	*ret_number = n;
	return true;
}

static int set_port(struct reader *r, const char *value)
{
	unsigned long n;
	if (!number(value, 65535, &n) || n == 0)
		return -EINVAL;
	r->config->port = (uint16_t)n;
	return 0;
}

/* An address without a port: the port is `port=`. */
static int set_bind(struct reader *r, const char *value)
{
	struct config *c = r->config;
	struct config_address *a = &c->bind[c->bind_len];
	if (c->bind_len == CONFIG_LIST_MAX ||
		server_address_parse_bare(value, strlen(value), &a->at) < 0)
		return -EINVAL;
	a->text = value;
	c->bind_len++;
	return 0;
}

static int set_state(struct reader *r, const char *value)
{
	if (!*value)
		return -EINVAL;
	free(r->config->state);
	r->config->state = strdup(value);
	return r->config->state ? 0 : -ENOMEM;
}

/* ADDR:PORT or [ADDR]:PORT, the port said: 53 by default would be a surprise. */
static bool says_port(const char *value)
{
	const char *colon = strrchr(value, ':');
	return colon && colon > value && (colon == strchr(value, ':') || colon[-1] == ']');
}

static int add_door(struct reader *r, enum door_kind kind, const char *value)
{
	struct config_doors *doors = &r->config->door[kind];
	if (strcmp(value, "off") == 0) {
		doors->len = 0;
		return 0;
	}
	struct config_address *a = &doors->at[doors->len];
	if (doors->len == CONFIG_LIST_MAX || !says_port(value) ||
		server_address_parse(value, strlen(value), &a->at) < 0)
		return -EINVAL;
	a->text = value;
	doors->len++;
	return 0;
}

int config_set_dns(struct reader *r, const char *value)
{
	r->config->dns_asked = true;
	return add_door(r, DOOR_DNS, value);
}

static int set_dot(struct reader *r, const char *value)
{
	return add_door(r, DOOR_DOT, value);
}

static int set_http(struct reader *r, const char *value)
{
	return add_door(r, DOOR_HTTP, value);
}

static int set_https(struct reader *r, const char *value)
{
	return add_door(r, DOOR_HTTPS, value);
}

static int set_http_host(struct reader *r, const char *value)
{
	struct config *c = r->config;
	if (c->http_host_len == CONFIG_LIST_MAX ||
		name_from_text(value, strlen(value), &c->http_host[c->http_host_len]) < 0)
		return -EINVAL;
	c->http_host_len++;
	return 0;
}

static int add_network(struct reader *r, const char *option, const char *value, struct allow *list)
{
	if (list->len == ALLOW_MAX)
		return -EINVAL;
	int error = allow_parse(value, &list->nets[list->len]);
	if (error == -EDOM)
		return config_complain(r->current,
			"%s=%s: bits are set behind the prefix: a host has none, a network zeros",
			option, value);
	if (error == 0)
		list->len++;
	return error;
}

static int set_allow(struct reader *r, const char *value)
{
	return add_network(r, "allow", value, &r->config->allow);
}

static int set_allow_status(struct reader *r, const char *value)
{
	return add_network(r, "allow_status", value, &r->config->allow_status);
}

static int set_upstream(struct reader *r, const char *value)
{
	struct config *c = r->config;
	const char *why;
	if (strcmp(value, "none") == 0) {
		c->upstream_len = 0;
		return 0;
	}
	if (c->upstream_len == UPSTREAM_MAX)
		return config_complain(r->current, "more than %d upstreams", UPSTREAM_MAX);
	if (upstream_check(value, &why) < 0)
		return config_complain(r->current, "upstream=%s: %s", value, why);
	c->upstream[c->upstream_len++] = value;
	return 0;
}

static int set_relay(struct reader *r, const char *value)
{
	struct config *c = r->config;
	struct relay_url url;
	const char *why;
	if (c->relay_len == ZONE_RELAYS_MAX)
		return config_complain(r->current, "more than %d relays", ZONE_RELAYS_MAX);
	if (relay_url_parse(value, &url, &why) < 0)
		return config_complain(r->current, "relay=%s: %s", value, why);
	c->relay[c->relay_len++] = value;
	return 0;
}

char *config_path(const struct reader *r, const char *value)
{
	char *path;
	if (*value == '/' || !r->directory)
		return strdup(value);
	return asprintf(&path, "%s/%s", r->directory, value) < 0 ? NULL : path;
}

static int set_file(const struct reader *r, char **path, const char *value)
{
	char *given = config_path(r, value);
	char *whole = given ? realpath(given, NULL) : NULL; /* the daemon works in / */
	free(given);
	if (!whole || access(whole, R_OK) < 0) {
		free(whole);
		return config_complain(r->current, "%s: %s", value, strerror(errno));
	}
	free(*path);
	*path = whole;
	return 0;
}

static int set_root_hints(struct reader *r, const char *value)
{
	r->config->policy.test_zones = true;
	return set_file(r, &r->config->root_hints, value);
}

static int set_trust_anchor(struct reader *r, const char *value)
{
	return set_file(r, &r->config->trust_anchor, value);
}

/* Of a file that may change while we run: the directory's true path, and the file's own name, for a
 * link that is turned elsewhere is followed each time. */
static int set_watched(const struct reader *r, char **ret_path, const char *value)
{
	char *path, *slash, *whole = NULL;
	free(*ret_path);
	*ret_path = NULL;
	path = config_path(r, value);
	if (!path)
		return -ENOMEM;
	slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	char *directory = realpath(!slash ? "." : slash == path ? "/" : path, NULL);
	if (directory && asprintf(&whole, "%s/%s", directory, slash ? slash + 1 : path) < 0)
		whole = NULL;
	free(directory);
	free(path);
	if (!whole || access(whole, R_OK) < 0) {
		free(whole);
		return config_complain(r->current, "%s: %s", value, strerror(errno));
	}
	*ret_path = whole;
	return 0;
}

static int set_hosts(struct reader *r, const char *value)
{
	if (!*value)
		return -EINVAL;
	if (strcmp(value, "none") != 0)
		return set_watched(r, &r->config->hosts, value);
	free(r->config->hosts);
	r->config->hosts = NULL;
	return 0;
}

static int set_tls_cert(struct reader *r, const char *value)
{
	return *value ? set_watched(r, &r->config->tls_cert, value) : -EINVAL;
}

static int set_tls_key(struct reader *r, const char *value)
{
	return *value ? set_watched(r, &r->config->tls_key, value) : -EINVAL;
}

static int set_insecure_zone(struct reader *r, const char *value)
{
	struct config *c = r->config;
	if (c->insecure_len == UPSTREAM_INSECURE_MAX)
		return config_complain(r->current, "more than %d insecure_zone", UPSTREAM_INSECURE_MAX);
	if (strcmp(value, ".") == 0)
		c->insecure[c->insecure_len] = (struct name){.len = 1};
	else if (name_from_text(value, strlen(value), &c->insecure[c->insecure_len]) < 0)
		return -EINVAL;
	c->insecure_len++;
	return 0;
}

static int set_trust(struct reader *r, const char *value)
{
	static const char *const words[] = {"guarded", "open", "strict"};
	static const enum policy_mode modes[] = {POLICY_GUARDED, POLICY_OPEN, POLICY_STRICT};
	for (size_t i = 0; i < 3; i++)
		if (strcmp(value, words[i]) == 0) {
			r->config->policy.mode = modes[i];
			return 0;
		}
	return -EINVAL;
}

int config_add_suffix(struct policy_suffixes *list, const char *value)
{
	if (strcmp(value, "none") == 0) {
		list->len = 0;
		return 0;
	}
	if (list->len == POLICY_SUFFIXES_MAX)
		return -EINVAL;
	struct name *name = &list->name[list->len];
	if (strcmp(value, ".") == 0)
		*name = (struct name){.len = 1};
	else if (name_from_text(value, strlen(value), name) < 0)
		return -EINVAL;
	list->len++;
	return 0;
}

static int set_tofu(struct reader *r, const char *value)
{
	r->tofu_set = true;
	return config_add_suffix(&r->config->policy.tofu, value);
}

static int set_private_ok(struct reader *r, const char *value)
{
	r->private_set = true;
	return config_add_suffix(&r->config->policy.private_ok, value);
}

/* A line of .kadns/pins. */
static int set_pin(struct reader *r, const char *value)
{
	struct config *c = r->config;
	struct pins_input in = {.text = value, .len = strlen(value), .uid = PINS_OF_OPTIONS};
	struct pins_mistake mistake;
	struct pin_list *list;
	if (c->pin_len == CONFIG_PINS_MAX)
		return -EINVAL;
	int e = pin_list_read(&in, &mistake, &list);
	if (e == -EINVAL)
		return config_complain(r->current, "pin=%s: %s", value, mistake.why);
	if (e < 0)
		return e;
	bool one = pin_list_len(list) == 1 && !strchr(value, '\n');
	pin_list_unref(list);
	if (one)
		c->pin[c->pin_len++] = value;
	return one ? 0 : -EINVAL;
}

static int set_lookup(struct reader *r, const char *value)
{
	r->lookup_set = true;
	r->config->policy.lookup_always = strcmp(value, "always") == 0;
	return r->config->policy.lookup_always || strcmp(value, "rescue") == 0 ? 0 : -EINVAL;
}

/* "4s", "500ms"; 100 ms to 30 s: less answers nothing, more feels like a hang. */
static int set_deadline(struct reader *r, const char *value)
{
	char digits[16];
	unsigned long n, unit;
	size_t len = strspn(value, "0123456789");
	if (len == 0 || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, value, len);
	digits[len] = 0;
	if (strcmp(value + len, "ms") == 0)
		unit = 1000;
	else if (strcmp(value + len, "s") == 0)
		unit = 1000000;
	else
		return -EINVAL;
	if (!number(digits, 30000, &n) || n * unit < 100000 || n * unit > 30000000)
		return -EINVAL;
	r->config->deadline = n * unit;
	return 0;
}

static int set_quota(struct reader *r, const char *value)
{
	unsigned long n;
	if (!number(value, 1000000, &n) || n == 0)
		return -EINVAL;
	r->config->quota = (unsigned)n;
	return 0;
}

static int set_lookups(struct reader *r, const char *value)
{
	unsigned long n;
	if (!number(value, RATE_MOST, &n) || n == 0)
		return -EINVAL;
	r->config->lookups = (unsigned)n;
	return 0;
}

/* Said before anything is opened; as an ordinary user nobody changes. */
static int set_user(struct reader *r, const char *value)
{
	r->config->user = value;
	if (*value && geteuid() == 0 && !getpwnam(value))
		return config_complain(r->current, "user=%s: there is no such user", value);
	return *value ? 0 : -EINVAL;
}

static int set_log(struct reader *r, const char *value)
{
	r->config->log_level = log_level_from_text(value);
	return r->config->log_level < 0 ? -EINVAL : 0;
}

static int set_switch(bool *to, const char *value)
{
	*to = strcmp(value, "on") == 0;
	return *to || strcmp(value, "off") == 0 ? 0 : -EINVAL;
}

static int set_dht(struct reader *r, const char *value)
{
	r->config->dht_read_only = strcmp(value, "read-only") == 0;
	if (!r->config->dht_read_only)
		return set_switch(&r->config->dht, value);
	r->config->dht = true;
	return 0;
}

static int set_limits(struct reader *r, const char *value)
{
	r->limits_set = true;
	return set_switch(&r->config->limits, value);
}

static int set_mirror(struct reader *r, const char *value)
{
	r->mirror_set = true;
	return set_switch(&r->config->policy.mirror, value);
}

static int set_mount(struct reader *r, const char *value)
{
	return set_switch(&r->config->mount, value);
}

static int set_xattr(struct reader *r, const char *value)
{
	(void)value;
	r->config->xattr = true;
	return 0;
}

static int set_root_secrets(struct reader *r, const char *value)
{
	return set_switch(&r->config->root_secrets, value);
}

static int set_no_dht(struct reader *r, const char *value)
{
	(void)value;
	r->config->dht = r->config->dht_read_only = false;
	return 0;
}

static int set_no_mount(struct reader *r, const char *value)
{
	(void)value;
	r->config->mount = false;
	return 0;
}

static int set_allow_other(struct reader *r, const char *value)
{
	(void)value;
	r->allow_other_set = true;
	r->config->allow_other = true;
	return 0;
}

static int set_ro(struct reader *r, const char *value)
{
	(void)value;
	r->config->read_only = true;
	return 0;
}

/* libfuse's own, passed on as they are. */
static int set_auto_unmount(struct reader *r, const char *value)
{
	(void)value;
	r->config->auto_unmount = true;
	return 0;
}

#define LIST(length) offsetof(struct config, length)

const struct option config_options[] = {
	{"port", "PORT", false, set_port, 0, "UDP port of the DHT node (4001)"},
	{"bind", "ADDR", true, set_bind, LIST(bind_len), "its address, IPv4 or IPv6 (any); repeatable"},
	{"state", "DIR", false, set_state, 0,
		"database and keys (/var/lib/kadns/PORT, or $XDG_STATE_HOME/kadns/PORT)"},
	{"dns", "ADDR:PORT", true, config_set_dns, LIST(door[DOOR_DNS].len),
		"DNS door, UDP and TCP (127.0.0.1:1053); off closes it; repeatable"},
	{"dot", "ADDR:PORT", true, set_dot, LIST(door[DOOR_DOT].len),
		"door for DNS over TLS (off); repeatable; needs tls_cert and tls_key"},
	{"http", "ADDR:PORT", true, set_http, LIST(door[DOOR_HTTP].len),
		"door for HTTP: DNS over HTTPS, files, the program of 2009 (off); repeatable"},
	{"https", "ADDR:PORT", true, set_https, LIST(door[DOOR_HTTPS].len),
		"the same over TLS (off); repeatable; needs tls_cert and tls_key"},
	{"http_host", "NAME", true, set_http_host, LIST(http_host_len),
		"a name that they answer to, besides addresses and localhost; repeatable"},
	{"tls_cert", "FILE", false, set_tls_cert, 0,
		"certificate of the doors that speak TLS, PEM, with those between it and the root"},
	{"tls_key", "FILE", false, set_tls_key, 0, "its key, PEM"},
	{"allow", "NET", true, set_allow, LIST(allow.len),
		"who may ask a door that is not on loopback, ADDR or ADDR/BITS (nobody); repeatable"},
	{"allow_status", "NET", true, set_allow_status, LIST(allow_status.len),
		"who else of these may see /metrics, /status, /nodes and /explain (nobody); repeatable"},
	{"upstream", "WHERE", true, set_upstream, LIST(upstream_len),
		"conventional DNS, in order: system (the default), recursive, ADDR[:PORT], "
		"tls://ADDR[:PORT]#NAME, https://ADDR[:PORT]/PATH[#NAME], http://ADDR[:PORT]/PROXY, none; "
		"ZONE@ before it: for that zone"},
	{"relay", "URL", true, set_relay, LIST(relay_len),
		"pkarr relay to ask for zones of keys, and to put one's own, while the DHT cannot be reached: "
		"https://HOST[:PORT][/PATH]; repeatable"},
	{"root_hints", "FILE", false, set_root_hints, 0, "root servers (dns-root-data's)"},
	{"trust_anchor", "FILE", false, set_trust_anchor, 0, "DNSSEC anchor (dns-root-data's)"},
	{"insecure_zone", "NAME", true, set_insecure_zone, LIST(insecure_len),
		"a zone that is not validated, whatever its parent says; repeatable"},
	{"hosts", "FILE", false, set_hosts, 0, "names of this machine (/etc/hosts); none"},
	{"trust", "guarded|strict|open", false, set_trust, 0,
		"who may answer (guarded)"},
	{"tofu", "SUFFIX", true, set_tofu, LIST(policy.tofu.len),
		"where the first signer seen is believed (. ; on mainline alt); none; repeatable"},
	{"pin", "PIN", true, set_pin, LIST(pin_len),
		"KEY SUFFIX [strict], or KEY as NICK: who speaks for a name, to all; repeatable"},
	{"lookup", "always|rescue", false, set_lookup, 0,
		"ask the DHT for plain names at once, or after DNS (always; on mainline rescue)"},
	{"mirror", "on|off", false, set_mirror, 0,
		"leave what DNS proves on the DHT, for all who cannot ask DNS (on; on mainline off)"},
	{"private_ok", "SUFFIX", true, set_private_ok, LIST(policy.private_ok.len),
		"where others may answer with private addresses (alt; on mainline none); repeatable"},
	{"deadline", "TIME", false, set_deadline, 0, "longest wait for an answer (4s)"},
	{"quota", "NUMBER", false, set_quota, 0, "records a user may publish (1000)"},
	{"lookups", "NUMBER", false, set_lookups, 0,
		"look-ups a second that a user may have asked (100)"},
	{"user", "NAME", false, set_user, 0,
		"whom the validator becomes when started as root (kadns, else nobody)"},
	{"log", "LEVEL", false, set_log, 0,
		"what is logged: error, warning, notice, info or debug (notice)"},
	{"dht", "on|off|read-only", false, set_dht, 0,
		"off: no DHT node (short: --no-dht); read-only: one that asks and answers nobody (on)"},
	{"limits", "on|off", false, set_limits, 0,
		"bound what strangers may have of the DHT node (off; on mainline on)"},
	{"mount", "on|off", false, set_mount, 0, "no mount (short: --no-mount)"},
	{"allow_other", NULL, false, set_allow_other, 0,
		"other users may use the mount (on where it may be)"},
	{"auto_unmount", NULL, false, set_auto_unmount, 0,
		"unmount even when kadns is killed, by a process that fusermount3 leaves behind"},
	{"ro", NULL, false, set_ro, 0, "read-only mount"},
	{"xattr", NULL, false, set_xattr, 0,
		"show trust, signer and the like as extended attributes, which slows ls -l"},
	{"root_secrets", "on|off", false, set_root_secrets, 0,
		"root may read and write the secret of its own key in .kadns/secret, as others may theirs (off)"},
	{"no-dht", NULL, false, set_no_dht, 0, NULL},
	{"no-mount", NULL, false, set_no_mount, 0, NULL},
};
_Static_assert(sizeof(config_options) / sizeof(*config_options) == OPTIONS_LEN, "the table's length");
