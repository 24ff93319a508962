/* resolv.conf(5): the name servers, nothing else of it. */
#include "resolver/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A real one has a few hundred bytes; what is past this is not read. */
#define FILE_MAX_BYTES 16384

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line: its start, and *ret_len; at the end of the line length 0. */
static const char *next_word(const char *at, const char *end, size_t *ret_len)
{
	const char *start;

	while (at < end && is_blank(*at))
		at++;
	start = at;
	while (at < end && !is_blank(*at))
		at++;
	*ret_len = (size_t)(at - start);
	return start;
}

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
	word = next_word(line, end, &len);
	if (word != line || len != strlen(keyword) || memcmp(word, keyword, len) != 0)
		return;
	word = next_word(word + len, end, &len);
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

/* Reads what there is, at most cap bytes. */
static size_t read_all(int fd, char *buf, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, buf + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

static bool same(const struct resolv_conf_file *file, const struct stat *st)
{
	return file->seen && file->device == st->st_dev && file->inode == st->st_ino &&
	       file->size == st->st_size &&
	       file->modified_ns == st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
}

bool resolv_conf_changed(struct resolv_conf_file *file, struct resolv_conf *ret_conf)
{
	char text[FILE_MAX_BYTES];
	struct stat st = {0};
	size_t len = 0;
	int fd;

	/* O_NONBLOCK: a FIFO in its place must not stop us. */
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
		memset(&st, 0, sizeof(st));
	if (same(file, &st)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fd >= 0 && st.st_ino != 0)
		len = read_all(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	file->device = st.st_dev;
	file->inode = st.st_ino;
	file->size = st.st_size;
	file->modified_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	file->seen = true;
	resolv_conf_parse(text, len, ret_conf);
	return true;
}
