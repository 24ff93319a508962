/* Frames between the resolver and the validator, of which each may have been taken over, words of
 * upstream=, and the text of resolv.conf, which whoever runs the network's DHCP server writes. */
#undef NDEBUG
#include "resolver/frame.h"
#include "resolver/resolv_conf.h"
#include "resolver/upstream_word.h"

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

static void check_servers(const struct frame *frame)
{
	static uint8_t again[FRAME_SERVERS_MAX];
	static struct frame_servers servers;

	if (frame_get_servers(frame, &servers))
		return;
	assert(frame_put_servers(again, &servers) == frame->len + FRAME_HEAD);
	assert(memcmp(again + FRAME_HEAD, frame->payload, frame->len) == 0);
	for (size_t i = 0; i < servers.len; i++)
		assert(strlen(servers.servers[i].label) < UPSTREAM_LABEL_MAX);
}

static void check_counters(const struct frame *frame)
{
	struct server_counters counters[SERVERS_MAX];
	size_t n;

	if (frame_get_counters(frame, counters, &n) == 0)
		assert(n <= SERVERS_MAX && n * sizeof(*counters) == frame->len);
}

/* A word of upstream=. */
static void check_word(const uint8_t *data, size_t len)
{
	char text[256];
	struct upstream_word word;
	const char *why = NULL;

	if (len >= sizeof(text))
		return;
	memcpy(text, data, len);
	text[len] = '\0';
	if (upstream_word_parse(text, &word, &why)) {
		assert(why);
		return;
	}
	assert(word.server >= text && word.server <= text + strlen(text));
	bool relayed = word.kind == UPSTREAM_RELAYED;
	assert(word.zone.len >= 1);
	assert(!relayed || (word.speech == UPSTREAM_DOT ? !!word.name : word.path && word.path_len));
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
		check_servers(&frame);
		check_counters(&frame);
	}
	resolv_conf_parse((const char *)data, len, &conf);
	assert(conf.count >= 1 && conf.count <= RESOLV_CONF_SERVERS_MAX);
	server_address_parse((const char *)data, len, &address);
	check_word(data, len);
	return 0;
}
