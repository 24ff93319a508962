/* A hosts file, which may be a list from anywhere, and every question that it could answer. */
#undef NDEBUG
#include "resolver/hosts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ask(const struct hosts_table *table, const struct name *name, uint16_t type)
{
	struct question q = {.name = *name, .type = type, .class = CLASS_IN};
	struct rrset *set = NULL;
	int r = hosts_find(table, &q, &set);

	assert(r == 0 || (r == -ENOENT && !set));
	if (!set)
		return;
	assert(set->count >= 1 && set->count <= HOSTS_ADDRESSES_MAX);
	assert(type == TYPE_A || type == TYPE_AAAA || (type == TYPE_PTR && set->count == 1));
	rrset_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct hosts_table *table;
	struct hosts_passed passed;
	struct name name;

	assert(hosts_parse(text, len, 1, &table, &passed) == 0);
	assert((passed.lines == 0) == (passed.first == 0));
	for (size_t at = 0, end; at < len; at = end + 1) {
		end = at;
		while (end < len && data[end] != ' ' && data[end] != '\n' && data[end] != '\t')
			end++;
		if (end == at || name_from_text(text + at, end - at, &name))
			continue;
		ask(table, &name, TYPE_A);
		ask(table, &name, TYPE_AAAA);
		ask(table, &name, TYPE_PTR);
		ask(table, &name, TYPE_HTTPS);
		ask(table, &name, TYPE_MX);
	}
	hosts_table_destroy(table);
	return 0;
}
