/* Reading the configuration: what was given, in order; then judged; then defaults. */
#include "fs/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/options.h"
#include "resolver/relay_url.h"
#include "fs/rate.h"
#include "resolver/upstream_word.h"

#define FILE_LINE_MAX 4096

int config_complain(const struct given *g, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_line(LOG_ERR, "%s%s", g ? g->where : "", text);
	return -ECANCELED; /* it has been said */
}

/* ---- gathering ---- */

static int give(struct reader *r, const char *where, const char *text, size_t len)
{
	if (len == 0)
		return 0;
	if (r->given_len == GIVEN_MAX)
		return config_complain(NULL, "more than %d options", GIVEN_MAX);
	struct given *g = &r->given[r->given_len];
	snprintf(g->where, sizeof(g->where), "%s", where);
	g->text = strndup(text, len);
	if (!g->text)
		return config_complain(NULL, "out of memory");
	r->given_len++;
	char *equals = strchr(g->text, '=');
	if (equals)
		*equals = 0;
	g->name = g->text;
	g->value = equals ? equals + 1 : NULL;
	return 0;
}

/* -o a,b=c\,d: a backslash before a comma belongs to the value. */
static int give_list(struct reader *r, const char *list)
{
	char *piece = malloc(strlen(list) + 1);
	int error = piece ? 0 : config_complain(NULL, "out of memory");
	while (error == 0 && *list) {
		size_t len = 0;
		for (; *list && *list != ','; list++) {
			if (list[0] == '\\' && list[1] == ',')
				list++;
			piece[len++] = *list;
		}
		if (*list)
			list++;
		error = give(r, "", piece, len);
	}
	free(piece);
	return error;
}

static int give_file(struct reader *r, const char *path)
{
	char line[FILE_LINE_MAX], where[96];
	char *whole = config_path(r, path);
	FILE *f = whole ? fopen(whole, "re") : NULL;
	free(whole);
	if (!f)
		return config_complain(NULL, "%s: %s", path, strerror(errno));
	int error = 0;
	for (unsigned number_of = 1; error == 0 && fgets(line, sizeof(line), f); number_of++) {
		size_t len = strlen(line);
		snprintf(where, sizeof(where), "%s:%u: ", path, number_of);
		if (len + 1 == sizeof(line) && line[len - 1] != '\n') {
			error = config_complain(NULL, "%sline too long", where);
			break;
		}
		while (len && strchr(" \t\r\n", line[len - 1]))
			len--;
		size_t start = 0;
		while (start < len && strchr(" \t", line[start]))
			start++;
		if (line[start] != '#')
			error = give(r, where, line + start, len - start);
	}
	if (error == 0 && ferror(f))
		error = config_complain(NULL, "%s: %s", path, strerror(errno));
	fclose(f);
	return error;
}

/* The argument of -o or -c: attached, or the next word. */
static const char *argument(int argc, char **argv, int *at, const char *word)
{
	if (word[2])
		return word + 2;
	return *at + 1 < argc ? argv[++*at] : NULL;
}

static int give_letter(struct reader *r, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *value;
	if (word[1] != 'o' && word[1] != 'c' && word[2])
		return config_complain(NULL, "unknown option %s (see --help)", word);
	switch (word[1]) {
	case 'o':
	case 'c':
		value = argument(argc, argv, at, word);
		if (!value)
			return config_complain(NULL, "-%c needs a value", word[1]);
		if (word[1] == 'o')
			return give_list(r, value);
		r->config->file = value;
		return 0;
	case 'f':
		r->config->foreground = true;
		return 0;
	case 'd':
		r->config->debug = r->config->foreground = true;
		r->config->log_level = LOG_DEBUG;
		return 0;
	case 'n':
		r->config->check = true;
		return 0;
	case 'h':
		r->config->help = true;
		return 0;
	case 'V':
		r->config->version = true;
		return 0;
	default:
		return config_complain(NULL, "unknown option %s (see --help)", word);
	}
}

static int give_word(struct reader *r, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	if (strcmp(word, "--help") == 0)
		r->config->help = true;
	else if (strcmp(word, "--version") == 0)
		r->config->version = true;
	else if (strncmp(word, "--", 2) == 0 && word[2])
		return give(r, "", word + 2, strlen(word + 2));
	else if (word[0] == '-' && word[1])
		return give_letter(r, argc, argv, at);
	else if (r->words_len == 2)
		return config_complain(NULL, "one word too many: %s", word);
	else
		r->words[r->words_len++] = word;
	return 0;
}

/* ---- judging ---- */

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < OPTIONS_LEN; i++)
		if (strcmp(config_options[i].name, name) == 0)
			return &config_options[i];
	return NULL;
}

/* What mount(8), mount.fuse3(8) and fstab(5) add, most of it for others: it says nothing that is not
 * so already, or nothing that a mount of records could obey. `user=NAME` is ours, `user` alone is
 * fstab(5)'s. */
static bool is_mount_word(const char *name, const char *value)
{
	static const char *const words[] = {
		"_netdev", "async", "atime", "auto", "defaults", "dev", "diratime", "dirsync",
		"exec", "group", "iversion", "lazytime", "loud", "mand", "noatime", "noauto",
		"nodev", "nodiratime", "noexec", "nofail", "noiversion", "nolazytime", "nomand",
		"norelatime", "nostrictatime", "nosuid", "nosymfollow", "nouser", "owner",
		"relatime", "rw", "silent", "strictatime", "suid", "symfollow", "sync", "user",
		"users",
	};
	if (strncmp(name, "x-", 2) == 0 || strcmp(name, "comment") == 0)
		return true;
	for (size_t i = 0; !value && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

static int apply(struct reader *r, const struct given *g)
{
	const struct option *o = find_option(g->name);
	if (is_mount_word(g->name, g->value))
		return 0;
	if (!o)
		return config_complain(g, "unknown option %s (see --help)", g->name);
	if (!o->value && g->value)
		return config_complain(g, "%s takes no value", o->name);
	if (o->value && !g->value)
		return config_complain(g, "%s needs a value: %s=%s", o->name, o->name, o->value);
	r->current = g;
	int error = o->set(r, g->value);
	if (error == -EINVAL)
		return config_complain(g, "%s=%s: not good, should be %s=%s", o->name, g->value,
			o->name, o->value);
	return error;
}

/* The file's options first, then the command line's. A list starts anew with the first of each:
 * what stood there before was the default's, then the file's. */
static int apply_all(struct reader *r, size_t line_len)
{
	for (int pass = 0; pass < 2; pass++) {
		bool begun[OPTIONS_LEN] = {false};
		size_t from = pass == 0 ? line_len : 0, to = pass == 0 ? r->given_len : line_len;
		for (size_t i = from; i < to; i++) {
			const struct option *o = find_option(r->given[i].name);
			if (o && o->repeatable && !begun[o - config_options]) {
				begun[o - config_options] = true;
				*(size_t *)((char *)r->config + o->list) = 0;
			}
			int error = apply(r, &r->given[i]);
			if (error)
				return error;
		}
	}
	return 0;
}

/* ---- defaults ---- */

static int default_state(struct config *c)
{
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;
	if (c->state)
		return 0;
	if (geteuid() == 0)
		n = asprintf(&c->state, "/var/lib/kadns/%u", c->port);
	else if (base && *base == '/')
		n = asprintf(&c->state, "%s/kadns/%u", base, c->port);
	else if (home && *home == '/')
		n = asprintf(&c->state, "%s/.local/state/kadns/%u", home, c->port);
	else
		return config_complain(
			NULL, "neither HOME nor XDG_STATE_HOME is set: give state=DIR");
	if (n < 0) {
		c->state = NULL;
		return config_complain(NULL, "out of memory");
	}
	return 0;
}

/* allow_other as an ordinary user needs a line in /etc/fuse.conf. */
static bool may_allow_other(void)
{
	char line[256];
	bool found = geteuid() == 0;
	FILE *f = found ? NULL : fopen("/etc/fuse.conf", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, " \t\r\n")] = 0;
		found = strcmp(line, "user_allow_other") == 0;
	}
	if (f)
		fclose(f);
	return found;
}

/* Where this value was given; NULL: it is a default. */
static const struct given *given_as(const struct reader *r, const char *value)
{
	const struct given *g = NULL;
	for (size_t k = 0; k < r->given_len; k++)
		if (r->given[k].value == value)
			g = &r->given[k];
	return g;
}

const char *config_door_name(enum door_kind kind)
{
	static const char *const names[DOOR_KINDS] = {[DOOR_DNS] = "dns",
		[DOOR_DOT] = "dot",
		[DOOR_HTTP] = "http",
		[DOOR_HTTPS] = "https"};
	return names[kind];
}

/* What is spoken there is spoken at that door of ours. */
static enum door_kind door_for(const struct upstream_word *word)
{
	if (word->kind != UPSTREAM_RELAYED)
		return DOOR_DNS;
	if (word->speech == UPSTREAM_DOT)
		return DOOR_DOT;
	return word->tls ? DOOR_HTTPS : DOOR_HTTP;
}

/* The door of ours that this word leads to, by what is spoken there; NULL: none. */
static const struct config_address *own_door(
	const struct config *c, const struct upstream_word *word)
{
	bool relayed = word->kind == UPSTREAM_RELAYED;
	const struct config_doors *doors = &c->door[door_for(word)];
	size_t len = relayed || c->dns_asked ? doors->len : 0;
	for (size_t k = 0; (relayed || word->kind == UPSTREAM_ADDRESS) && k < len; k++)
		if (server_address_reaches(&word->address, &doors->at[k].at))
			return &doors->at[k];
	return NULL;
}

/* A door for one's own upstream is a question that waits for itself. The default door may be
 * closed, when another kadns has its port: then that one is the upstream. */
static int check_loops(struct reader *r)
{
	const struct config *c = r->config;
	for (size_t i = 0; i < c->upstream_len; i++) {
		struct upstream_word word;
		const char *why;
		if (upstream_word_parse(c->upstream[i], &word, &why) < 0)
			continue;
		const struct config_address *own = own_door(c, &word);
		if (own)
			return config_complain(given_as(r, c->upstream[i]),
				"upstream=%s: that is our own door, %s=%s", c->upstream[i],
				config_door_name(door_for(&word)), own->text);
	}
	return 0;
}

/* A relay stands in for the DHT, so there is one to stand in for, and it is not this node's own. */
static int judge_relays(const struct reader *r)
{
	static const enum door_kind kinds[] = {DOOR_HTTP, DOOR_HTTPS};
	const struct config *c = r->config;
	if (c->relay_len && !c->dht)
		return config_complain(given_as(r, c->relay[0]),
			"relay=%s stands in for a DHT that cannot be reached: not with dht=off",
			c->relay[0]);
	for (size_t i = 0; i < c->relay_len; i++) {
		struct relay_url url;
		const char *why;
		if (relay_url_parse(c->relay[i], &url, &why) < 0 || !url.has_address)
			continue;
		const struct config_doors *doors = &c->door[kinds[url.tls]];
		for (size_t k = 0; k < doors->len; k++)
			if (server_address_reaches(&url.address, &doors->at[k].at))
				return config_complain(given_as(r, c->relay[i]),
					"relay=%s: that is our own door, %s=%s", c->relay[i],
					config_door_name(kinds[url.tls]), doors->at[k].text);
	}
	return 0;
}

/* A door that all the world can reach, left open by oversight, is somebody's amplifier. */
static int judge_open(const struct reader *r, const char *option, const struct config_doors *doors)
{
	for (size_t i = 0; i < doors->len; i++) {
		if (r->config->allow.len ||
			allow_is_loopback((const struct sockaddr *)&doors->at[i].at.addr))
			continue;
		return config_complain(given_as(r, doors->at[i].text),
			"%s=%s is not on loopback: say who may ask, with allow=NET", option,
			doors->at[i].text);
	}
	return 0;
}

static int judge_doors(const struct reader *r)
{
	const struct config *c = r->config;
	for (enum door_kind kind = 0; kind < DOOR_KINDS; kind++) {
		const struct config_doors *doors = &c->door[kind];
		const char *name = config_door_name(kind);
		if ((kind == DOOR_DOT || kind == DOOR_HTTPS) && doors->len &&
			(!c->tls_cert || !c->tls_key))
			return config_complain(given_as(r, doors->at[0].text),
				"%s=%s needs %s=FILE", name, doors->at[0].text,
				c->tls_cert ? "tls_key" : "tls_cert");
		int error = judge_open(r, name, doors);
		if (error < 0)
			return error;
	}
	return 0;
}

/* The zones of split DNS, for those who must not tell others of their names. */
static void list_split(struct config *c)
{
	struct upstream_word word;
	const char *why;
	_Static_assert(UPSTREAM_MAX <= POLICY_SUFFIXES_MAX, "each word may have a zone");
	for (size_t i = 0; i < c->upstream_len; i++)
		if (!upstream_word_parse(c->upstream[i], &word, &why) && word.zone.len > 1)
			c->policy.split.name[c->policy.split.len++] = word.zone;
}

static int set_defaults(struct reader *r)
{
	struct config *c = r->config;
	c->mainline = c->source && strcmp(c->source, "mainline") == 0;
	if (!r->limits_set)
		c->limits = c->mainline;
	if (!r->lookup_set)
		c->policy.lookup_always = !c->mainline;
	if (!r->mirror_set)
		c->policy.mirror = !c->mainline;
	if (!r->tofu_set)
		config_add_suffix(&c->policy.tofu, c->mainline ? "alt" : ".");
	if (!r->private_set && !c->mainline)
		config_add_suffix(&c->policy.private_ok, "alt");
	if (!r->allow_other_set)
		c->allow_other = may_allow_other();
	if (c->bind_len == 0) {
		server_address_parse_bare("0.0.0.0", 7, &c->bind[0].at);
		server_address_parse_bare("::", 2, &c->bind[1].at);
		c->bind_len = 2;
	}
	if (check_loops(r) < 0 || judge_doors(r) < 0 || judge_relays(r) < 0)
		return -ECANCELED;
	c->policy.dht = c->dht;
	c->policy.upstream = c->upstream_len > 0;
	list_split(c);
	return default_state(c);
}

static int take_words(struct reader *r)
{
	struct config *c = r->config;
	size_t want = c->mount ? 2 : 1;
	if (!c->dht && r->words_len + 1 == want) { /* SOURCE is none and may be left out */
		c->source = "none";
		c->mountpoint = c->mount ? r->words[0] : NULL;
		return 0;
	}
	if (r->words_len < want)
		return config_complain(NULL, c->mount ? "needs SOURCE and MOUNTPOINT (see --help)"
						      : "needs SOURCE (see --help)");
	if (r->words_len > want)
		return config_complain(NULL, "one word too many: %s", r->words[want]);
	c->source = r->words[0];
	c->mountpoint = c->mount ? r->words[1] : NULL;
	if (!c->dht && strcmp(c->source, "none") != 0)
		return config_complain(
			NULL, "with dht=off there is no network to join: SOURCE is none");
	return 0;
}

static void begin(struct config *c)
{
	*c = (struct config){.dht = true,
		.mount = true,
		.port = 4001,
		.deadline = 4000000,
		.quota = 1000,
		.lookups = RATE_DEFAULT,
		.log_level = LOG_NOTICE};
	struct reader defaults = {.config = c};
	config_set_dns(&defaults, "127.0.0.1:1053");
	c->dns_asked = false;
	c->upstream[c->upstream_len++] = "system";
	c->hosts = strdup("/etc/hosts");
}

void config_upstream(const struct config *c, struct upstream_config *u)
{
	memcpy(u->list, c->upstream, sizeof(u->list));
	u->list_len = c->upstream_len;
	memcpy(u->insecure, c->insecure, sizeof(u->insecure));
	u->insecure_len = c->insecure_len;
}

int config_read(int argc, char **argv, struct config *ret_config)
{
	return config_read_again(argc, argv, NULL, ret_config);
}

int config_read_again(int argc, char **argv, const char *directory, struct config *ret_config)
{
	struct reader *r = calloc(1, sizeof(*r));
	if (!r)
		return config_complain(NULL, "out of memory");
	r->config = ret_config;
	r->directory = directory;
	begin(ret_config);
	int error = 0;
	for (int i = 1; error == 0 && i < argc; i++)
		error = give_word(r, argc, argv, &i);
	size_t line_len = r->given_len;
	bool only_tells = ret_config->help || ret_config->version;
	if (error == 0 && !only_tells && ret_config->file)
		error = give_file(r, ret_config->file);
	if (error == 0 && !only_tells)
		error = apply_all(r, line_len);
	if (error == 0 && !only_tells)
		error = take_words(r);
	if (error == 0 && !only_tells)
		error = set_defaults(r);
	ret_config->given = r;
	if (error)
		config_finish(ret_config);
	return error;
}

void config_finish(struct config *config)
{
	struct reader *r = config->given;
	for (size_t i = 0; r && i < r->given_len; i++)
		free(r->given[i].text);
	free(r);
	free(config->state);
	free(config->root_hints);
	free(config->trust_anchor);
	free(config->hosts);
	free(config->tls_cert);
	free(config->tls_key);
	config->root_hints = config->trust_anchor = config->hosts = NULL;
	config->tls_cert = config->tls_key = NULL;
	config->given = NULL;
	config->state = NULL;
}
