/* `kadns --help`. */
#include <stdio.h>

#include "fs/options.h"

void config_help(void)
{
	puts("Usage: kadns [options] SOURCE MOUNTPOINT\n"
	     "       kadns [options] --no-mount SOURCE\n"
	     "       kadns ask | publish | withdraw | key ...   asks a running kadns; see kadns ask --help\n"
	     "\n"
	     "Mounts a distributed hash table of DNS records as files.\n"
	     "\n"
	     "SOURCE is the network to join: none (start a new one), HOST:PORT[,HOST:PORT...], a FILE\n"
	     "of nodes (one IP PORT or HOST:PORT a line), or mainline (BitTorrent's public DHT).\n"
	     "\n"
	     "  -o NAME[=VALUE],...   options as below; also --NAME[=VALUE]\n"
	     "  -c FILE               options from a file, one a line; the command line wins\n"
	     "  -f                    stay in the foreground\n"
	     "  -d                    say more, in the foreground\n"
	     "  -n                    check the configuration and exit\n"
	     "  -h, --help            this text\n"
	     "  -V, --version         the version\n"
	     "\n"
	     "Options (defaults in parentheses):");
	for (size_t i = 0; i < OPTIONS_LEN; i++) {
		const struct option *o = &config_options[i];
		char left[40];
		if (!o->help)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", o->name, o->value ? "=" : "",
			o->value ? o->value : "");
		printf("  %-25s  %s\n", left, o->help);
	}
	puts("\nWhile it runs, umount MOUNTPOINT ends it. See kadns(8), kadns-files(7).");
}
