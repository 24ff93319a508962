/* Reading the configuration again. */
#include "fs/reload.h"

#include <string.h>

#include "fs/log.h"

static void apply(const struct reload *what, const struct config *config)
{
	struct upstream_config upstream = {0};
	int r = 0;
	config_upstream(config, &upstream);
	if (!what->upstream != (upstream.list_len == 0))
		log_line(LOG_WARNING, "to turn conventional DNS on or off, kadns must be started "
				      "again");
	else if (what->upstream)
		r = upstream_reload(what->upstream, &upstream);
	if (r < 0)
		log_line(LOG_ERR, "upstream: %s; it stays as it was", strerror(-r));
	if (hosts_reopen(what->hosts, config->hosts) < 0)
		log_line(LOG_ERR, "hosts: out of memory; it stays as it was");
	log_line(LOG_NOTICE, "upstream, insecure_zone and hosts are read again");
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
