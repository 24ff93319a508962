/* Fuzzes the text of a record file: two bytes choose the type, the rest is first a draft and then
 * RDATA. What is read must be written, the line must be printable ASCII, and must be the same set
 * when it is read again. */
#undef NDEBUG
#include "resolver/json.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_line(const char *line, size_t len)
{
	assert(len > 0 && line[len - 1] == '\n');
	for (size_t i = 0; i + 1 < len; i++)
		assert(line[i] >= 0x20 && line[i] < 0x7f);
}

static void check_set(const struct rrset *set)
{
	struct answer *a;
	char *line;
	size_t len;
	if (answer_from_rrset(&set->question, set, &a) < 0)
		return; /* larger than a message */
	assert(json_write(a, NULL, &line, &len) == 0);
	check_line(line, len);
	struct rrset *again;
	int rc = json_read(line, len, &set->question, NULL, &again, NULL);
	/* Escapes may make the line longer than any draft; and it says each record twice. */
	assert(rc == 0 || (rc == -EFBIG && (len > JSON_INPUT_MAX || set->count > 1024)));
	if (rc == 0) {
		assert(again->ttl == set->ttl && rrset_same_data(again, set));
		rrset_destroy(again);
	}
	free(line);
	answer_unref(a);
}

static void try_draft(const char *text, size_t len, const struct question *q)
{
	struct rrset *set = NULL;
	const char *why;
	enum json_draft draft = json_draft(text, len);
	int rc = json_read(text, len, q, NULL, &set, &why);
	assert(!rc == !why && !rc == !!set);
	assert(rc < 0 || draft == JSON_COMPLETE || draft == JSON_PARTIAL);
	if (rc < 0)
		return;
	check_set(set);
	rrset_destroy(set);
}

/* A record set of one RDATA, as a stranger may send it. */
static void try_rdata(const uint8_t *rdata, size_t len, const struct question *q)
{
	char *text;
	assert(json_rdata_text(q->type, q->class, rdata, len, &text) == 0);
	for (const char *p = text; *p; p++)
		assert(*p >= 0x20 && *p < 0x7f);
	free(text);
	struct rrset *set = rrset_create(q, 60);
	assert(set);
	bool single = rrset_add(set, rdata, len) == 0;
	if (single && !type_is_meta(q->type))
		check_set(set);
	rrset_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct question q = {.class = CLASS_IN};
	if (len < 2 || name_from_text("mail.example", 12, &q.name) < 0)
		return 0;
	q.type = (uint16_t)(data[0] << 8 | data[1]);
	try_draft((const char *)data + 2, len - 2, &q);
	if (len - 2 <= UINT16_MAX)
		try_rdata(data + 2, len - 2, &q);
	return 0;
}
