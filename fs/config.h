/* The configuration: options of the command line and of -c FILE, checked and with defaults.
 *
 * Every option is a FUSE option (`-o name=value,…`, a comma in a value is `\,`) and can be written
 * `--name=value` or, in a file, `name=value` on a line. The command line wins; a repeatable
 * option there replaces the file's list. */
#ifndef FS_CONFIG_H
#define FS_CONFIG_H

#include "resolver/allow.h"
#include "resolver/policy.h"
#include "resolver/server_address.h"
#include "resolver/upstream.h"
#include "resolver/zone_relays.h"

#define CONFIG_LIST_MAX 8
#define CONFIG_PINS_MAX 64 /* more of them are root's, in .kadns/pins */

struct config_address {
	struct server_address at;
	const char *text; /* as it was given */
};

enum door_kind { DOOR_DNS, DOOR_DOT, DOOR_HTTP, DOOR_HTTPS, DOOR_KINDS };
const char *config_door_name(enum door_kind kind); /* of its option: "dns" */

struct config {
	bool help, version, check, foreground, debug;
	int log_level; /* of syslog(3) */
	bool dht, mount;
	bool dht_read_only; /* BEP 43: the node asks and answers nobody */
	const char *source, *mountpoint;
	const char *file; /* of -c, as it was given; NULL: none */

	uint16_t port;
	struct config_address bind[CONFIG_LIST_MAX]; /* without a port: it is the one above */
	size_t bind_len;
	char *state;

	bool dns_asked; /* dns= was given: a door that cannot open is an error then */
	struct config_doors {
		struct config_address at[CONFIG_LIST_MAX];
		size_t len;
	} door[DOOR_KINDS];
	char *tls_cert, *tls_key;		/* absolute; of dot= and https= */
	struct name http_host[CONFIG_LIST_MAX]; /* names that http= and https= answer to */
	size_t http_host_len;
	struct allow allow_status; /* who else may see what this node does, over HTTP */
	struct allow allow;	   /* who else may ask a door that is not on loopback */

	const char *upstream[UPSTREAM_MAX];
	size_t upstream_len; /* 0: none */
	const char *relay[ZONE_RELAYS_MAX]; /* URLs, each of them good */
	size_t relay_len;
	struct name insecure[UPSTREAM_INSECURE_MAX];
	size_t insecure_len;
	char *hosts;			 /* absolute; NULL: none */
	char *root_hints, *trust_anchor; /* absolute */
	const char *user;
	const char *pin[CONFIG_PINS_MAX]; /* lines, each of them good */
	size_t pin_len;

	struct policy policy;
	bool mainline;
	bool limits;	   /* on what strangers may have of the DHT node */
	uint64_t deadline; /* microseconds */
	unsigned quota;
	unsigned lookups; /* a second, for one user */
	bool allow_other, read_only, auto_unmount, xattr, root_secrets;

	void *given; /* owns the texts above */
};

/* Reads the command line. 0; -EINVAL after one line on stderr that names the mistake. On success
 * config_finish releases it. */
int config_read(int argc, char **argv, struct config *ret_config);
/* The same of the same words, later, when the program works in another directory than the one that
 * it was started in, `directory`. */
int config_read_again(int argc, char **argv, const char *directory, struct config *ret_config);
/* What upstream_create and upstream_reload take of it; the words are the config's. */
void config_upstream(const struct config *config, struct upstream_config *ret_upstream);
void config_finish(struct config *config);
void config_help(void); /* to stdout */

#endif
