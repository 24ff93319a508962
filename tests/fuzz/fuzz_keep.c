/* resolver/keep_list under whatever a user writes: what is accepted comes back as itself. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "resolver/keep_list.h"
#include "resolver/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct keep_input in = {.text = (const char *)data, .len = len};
	struct pins_mistake mistake;
	struct keep_list *list, *again;
	struct text text = {0};
	int r = keep_list_read(&in, &mistake, &list);
	if (r < 0) {
		assert(mistake.line > 0 && (r != -EINVAL || mistake.why[0]));
		return 0;
	}
	assert(keep_list_len(list) <= KEEP_LIST_MAX);
	keep_list_write(list, &text);
	assert(!text.failed && text.len <= KEEP_TEXT_MAX);
	/* Added to itself it is the same. */
	in = (struct keep_input){.text = text.bytes ? text.bytes : "", .len = text.len, .base = list};
	assert(keep_list_read(&in, &mistake, &again) == 0 && keep_list_equal(list, again));
	text_destroy(&text);
	keep_list_unref(list);
	keep_list_unref(again);
	return 0;
}
