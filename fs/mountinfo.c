/* The kernel's list of mounts. */
#include "fs/mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_TYPE "fuse.kadns"

/* mountinfo writes blanks, backslashes and newlines as \ooo. In place. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		unsigned byte;
		if (from[0] == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The word among words that are separated by commas, or NULL. */
static const char *find_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = words; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, n) == 0)
			return at;
	}
	return NULL;
}

static bool has_word(const char *words, const char *word)
{
	const char *at = find_word(words, word);
	char end = at ? at[strlen(word)] : 'x';
	return end == ',' || end == '\0';
}

/* user_id=1000. The overflow user's where it is not said, who is nobody's owner. */
static unsigned number_of(const char *words, const char *key)
{
	const char *at = find_word(words, key);
	return at ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 65534;
}

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS] - TYPE SOURCE SUPEROPTIONS */
bool mountinfo_read(char *line, struct mountinfo *ret_info)
{
	enum { MOUNTPOINT = 4, OPTIONS = 5, FIELDS = 6 };
	line[strcspn(line, "\n")] = '\0';
	char *rest = strstr(line, " - "), *field[FIELDS] = {0};
	if (!rest || strncmp(rest + 3, OWN_TYPE " ", strlen(OWN_TYPE " ")) != 0)
		return false;
	*rest = '\0';
	const char *super = strrchr(rest + 3, ' ') + 1;
	for (int i = 0; i < FIELDS; i++)
		if (!(field[i] = strsep(&line, " ")))
			return false;
	unescape(field[MOUNTPOINT]);
	const char *options = field[OPTIONS];
	*ret_info = (struct mountinfo){.path = field[MOUNTPOINT],
		.safe = has_word(options, "nosuid") && has_word(options, "nodev") &&
			has_word(options, "noexec"),
		.uid = number_of(super, "user_id="),
		.gid = number_of(super, "group_id=")};
	return true;
}

bool mountinfo_find(mountinfo_fn *fn, void *ctx)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return false;
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	struct mountinfo info;
	while (!found && getline(&line, &cap, f) > 0)
		found = mountinfo_read(line, &info) && fn(ctx, &info);
	free(line);
	fclose(f);
	return found;
}
