/* resolv.conf(5): the name servers, nothing else of it. */
#include "resolver/resolv_conf.h"
#include "resolver/word.h"

#include <stdlib.h>
#include <string.h>

/* A real one has a few hundred bytes; what is past this is not read. */
#define FILE_MAX_BYTES 16384

static void add(struct resolv_conf *conf, const struct server_address *address)
{
	for (size_t i = 0; i < conf->count; i++)
		if (server_address_equal(&conf->servers[i], address))
			return;
	if (conf->count < RESOLV_CONF_SERVERS_MAX)
		conf->servers[conf->count++] = *address;
}

static void parse_line(const char *line, const char *end, struct resolv_conf *conf)
{
	static const char keyword[] = "nameserver";
	struct server_address address;
	const char *word;
	size_t len;

	/* Comments begin in the first column and so does the keyword: resolv.conf(5). */
	word = word_next(line, end, &len);
	if (word != line || len != strlen(keyword) || memcmp(word, keyword, len) != 0)
		return;
	word = word_next(word + len, end, &len);
	if (server_address_parse_bare(word, len, &address) == 0)
		add(conf, &address);
}

void resolv_conf_parse(const char *text, size_t len, struct resolv_conf *ret_conf)
{
	static const char local[] = "127.0.0.1";
	const char *end = text + len;
	struct server_address address;

	memset(ret_conf, 0, sizeof(*ret_conf));
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		parse_line(text, line_end, ret_conf);
		text = line_end + 1;
	}
	if (ret_conf->count == 0 && server_address_parse_bare(local, strlen(local), &address) == 0)
		add(ret_conf, &address);
}

bool resolv_conf_changed(struct watched_file *file, struct resolv_conf *ret_conf)
{
	char *text;
	size_t len;

	if (!watched_file_changed(file, FILE_MAX_BYTES, &text, &len))
		return false;
	resolv_conf_parse(text ? text : "", len, ret_conf);
	free(text);
	return true;
}
