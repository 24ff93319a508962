/* The control panel. */
#include "fs/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/secret.h"
#include "resolver/clock.h"
#include "resolver/explain.h"

#define SIZE_STANDS SECOND

struct control_input {
	enum control_file of;
	size_t len;
	char line[CONTROL_LINE_MAX];
};

static const struct control_row {
	const char *name;
	mode_t mode;
} rows[CONTROL_FILES] = {
	[CONTROL_STATUS] = {"status", S_IFREG | 0444},
	[CONTROL_NODES] = {"nodes", S_IFREG | 0644},
	[CONTROL_KEY] = {"key", S_IFREG | 0444},
	[CONTROL_SECRET] = {"secret", S_IFREG | 0600}, /* of the caller's: fs/attr */
	[CONTROL_PINS] = {"pins", S_IFREG | 0666},
	[CONTROL_KEEP] = {"keep", S_IFREG | 0666},
	[CONTROL_SIGNERS] = {"signers", S_IFREG | 0600},
	[CONTROL_EXPLAIN] = {"explain", S_IFDIR | 0555},
	[CONTROL_CLAIMS] = {"claims", S_IFDIR | 0555},
	[CONTROL_WAIT] = {"wait", S_IFDIR | 0555},
};

const char *control_name(enum control_file file)
{
	return rows[file].name;
}

mode_t control_mode(enum control_file file)
{
	return rows[file].mode;
}

bool control_is_directory(enum control_file file)
{
	return S_ISDIR(rows[file].mode);
}

static int read_key(struct publisher *p, uid_t uid, char **ret_text, size_t *ret_len)
{
	uint8_t key[NAME_KEY_LEN];
	int r = publish_key(p, uid, key);
	if (r < 0)
		return r;
	char *text = malloc(NAME_KEY_TEXT + 2);
	if (!text)
		return -ENOMEM;
	key_to_text(key, text);
	text[NAME_KEY_TEXT] = '\n';
	*ret_text = text;
	*ret_len = NAME_KEY_TEXT + 1;
	return 0;
}

static int read_file(const struct control_parts *parts, enum control_file file, uid_t uid,
	char **ret_text, size_t *ret_len)
{
	switch (file) {
	case CONTROL_STATUS:
		return resolver_status(parts->resolver, ret_text, ret_len);
	case CONTROL_NODES:
		return resolver_nodes(parts->resolver, ret_text, ret_len);
	case CONTROL_KEY:
		return read_key(parts->publisher, uid, ret_text, ret_len);
	case CONTROL_PINS:
		return resolver_pins(parts->resolver, uid, ret_text, ret_len);
	case CONTROL_SECRET: /* no snapshot of it is made: fs/secret */
		return -EACCES;
	case CONTROL_KEEP:
		return resolver_keep(parts->resolver, uid, ret_text, ret_len);
	case CONTROL_SIGNERS:
		return resolver_signers(parts->resolver, ret_text, ret_len);
	case CONTROL_EXPLAIN:
	case CONTROL_CLAIMS:
	case CONTROL_WAIT:
		return -EISDIR;
	case CONTROL_FILES:
		break;
	}
	return -ENOENT;
}

/* Does each user have one of his own? */
static bool is_of_each(enum control_file file)
{
	return file == CONTROL_PINS || file == CONTROL_KEEP;
}

/* Who opens a file and asks for its size is told that of what he reads. */
int control_read(const struct control_parts *parts, enum control_file file, uid_t uid,
	char **ret_text, size_t *ret_len)
{
	int r = read_file(parts, file, uid, ret_text, ret_len);
	if (r == 0 && !is_of_each(file)) /* and short */
		parts->sizes[file] = (struct control_size){clock_monotonic() + SIZE_STANDS, *ret_len};
	return r;
}

int control_size(const struct control_parts *parts, enum control_file file, uid_t uid,
	size_t *ret_len)
{
	if (file == CONTROL_KEY) {
		*ret_len = NAME_KEY_TEXT + 1;
		return 0;
	}
	if (file == CONTROL_SECRET) {
		*ret_len = SECRET_TEXT;
		return 0;
	}
	const struct control_size *known = &parts->sizes[file];
	if (file < CONTROL_FILES && clock_monotonic() < known->until) {
		*ret_len = known->len;
		return 0;
	}
	char *text;
	int r = control_read(parts, file, uid, &text, ret_len);
	if (r == 0)
		free(text);
	return r;
}

bool control_held(const struct control_parts *parts, enum control_file of,
	const struct question *q, uid_t uid)
{
	return of == CONTROL_CLAIMS ? explain_claims_held(parts->resolver, q) :
				      explain_held(parts->resolver, q, uid);
}

/* Whose names others have looked for is not everybody's business. */
bool control_may_read(enum control_file file, bool admin)
{
	return file != CONTROL_SIGNERS || admin;
}

bool control_may_write(enum control_file file, bool admin)
{
	return is_of_each(file) || file == CONTROL_SECRET || ((file == CONTROL_NODES || file == CONTROL_SIGNERS) && admin);
}

enum ask_for control_asks_for(enum control_file of)
{
	return of == CONTROL_CLAIMS ? ASK_FOR_SLOT : ASK_FOR_ALL;
}

static int put_receipt(const struct control_parts *parts, const struct control_about *about,
	char **ret_text, size_t *ret_len)
{
	struct publish_state state;
	int r = publish_state(parts->publisher, about->uid, about->question, &state);
	if (r < 0)
		return r;
	int len = asprintf(ret_text, "{\"replicas\":%u,\"published\":%lld,\"next\":%lld}\n",
		state.replicas, (long long)state.published, (long long)state.next);
	if (len < 0)
		return -ENOMEM;
	*ret_len = (size_t)len;
	return 0;
}

int control_about(const struct control_parts *parts, const struct control_about *about,
	char **ret_text, size_t *ret_len)
{
	if (about->of == CONTROL_WAIT)
		return put_receipt(parts, about, ret_text, ret_len);
	const struct explain_question e = {about->question, about->uid, about->outcome};
	return about->of == CONTROL_CLAIMS ?
		explain_claims(parts->resolver, &e, ret_text, ret_len) :
		explain_text(parts->resolver, &e, ret_text, ret_len);
}

int control_input_create(enum control_file of, struct control_input **ret_input)
{
	*ret_input = calloc(1, sizeof(**ret_input));
	if (!*ret_input)
		return -ENOMEM;
	(*ret_input)->of = of;
	return 0;
}

void control_input_destroy(struct control_input *in)
{
	free(in);
}

int control_input_end(struct control_input *in, struct resolver *r)
{
	size_t from = 0, to = in->len;
	in->len = 0;
	while (from < to && memchr(" \t\r", in->line[from], 3))
		from++;
	while (to > from && memchr(" \t\r", in->line[to - 1], 3))
		to--;
	if (from == to || in->line[from] == '#')
		return 0;
	return in->of == CONTROL_SIGNERS ? resolver_forget_signer(r, in->line + from, to - from)
					 : resolver_add_node(r, in->line + from, to - from);
}

int control_input_write(struct control_input *in, struct resolver *r, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n') {
			int error = control_input_end(in, r);
			if (error < 0)
				return error;
		} else if (in->len == CONTROL_LINE_MAX) {
			in->len = 0;
			return -EINVAL;
		} else {
			in->line[in->len++] = bytes[i];
		}
	}
	return 0;
}
