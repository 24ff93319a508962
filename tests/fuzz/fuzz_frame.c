/* Frames between the resolver and the validator, of which each may have been taken over, and the
 * text of resolv.conf, which whoever runs the network's DHCP server writes. */
#undef NDEBUG
#include "resolver/frame.h"
#include "resolver/resolv_conf.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_answer(const struct frame *frame)
{
	struct frame_answer answer;

	if (frame_get_answer(frame, &answer))
		return;
	assert(answer.len <= FRAME_MESSAGE_MAX && strlen(answer.why) <= FRAME_WHY_MAX);
	assert(!(answer.secure && answer.bogus));
	assert((answer.error == 0) == (answer.len >= 12));
	for (const char *c = answer.why; *c; c++)
		assert(*c >= 0x20 && *c < 0x7f);
}

static void check_config(const struct frame *frame)
{
	static uint8_t again[FRAME_MAX];
	struct upstream_config config;
	int len;

	if (frame_get_config(frame, &config))
		return;
	/* What was read is written as it was. */
	len = frame_put_config(again, &config);
	assert(len == (int)(frame->len + FRAME_HEAD));
	assert(memcmp(again + FRAME_HEAD, frame->payload, frame->len) == 0);
}

static void check_ask(const struct frame *frame)
{
	uint8_t again[FRAME_ASK_MAX];
	struct question question;

	if (frame_get_ask(frame, &question))
		return;
	assert(frame_put_ask(again, frame->id, &question) == frame->len + FRAME_HEAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct server_address address;
	struct resolv_conf conf;
	struct frame frame;

	if (frame_open(data, len, &frame) == 0) {
		check_ask(&frame);
		check_answer(&frame);
		check_config(&frame);
	}
	resolv_conf_parse((const char *)data, len, &conf);
	assert(conf.count >= 1 && conf.count <= RESOLV_CONF_SERVERS_MAX);
	server_address_parse((const char *)data, len, &address);
	return 0;
}
