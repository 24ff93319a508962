/* Frames between the resolver's process and the validator: written and, without trust, read. */
#include "resolver/frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

struct head {
	uint32_t kind;
	uint32_t len; /* of what follows the head */
	uint64_t id;
};
_Static_assert(sizeof(struct head) == FRAME_HEAD, "no padding in the head");

struct ask_head {
	uint16_t type, class;
};

enum { ANSWER_SECURE = 1, ANSWER_BOGUS = 2, ANSWER_UNVALIDATED = 4, ANSWER_FLAGS = 7 };
struct answer_head {
	int32_t error;
	uint16_t flags;
	uint16_t why_len;
};
_Static_assert(
	FRAME_HEAD + sizeof(struct answer_head) + FRAME_WHY_MAX + FRAME_MESSAGE_MAX == FRAME_MAX,
	"FRAME_MAX is an answer's");

enum { CONFIG_TEST_ZONES = 1, CONFIG_LOOPBACK_SERVERS = 2, CONFIG_FLAGS = 3 };
struct config_head {
	uint8_t flags;
};

struct servers_head {
	uint32_t len, insecure_len;
};

size_t frame_put_head(uint8_t *buf, enum frame_kind kind, uint64_t id, size_t len)
{
	struct head head = {.kind = kind, .len = (uint32_t)len, .id = id};

	memcpy(buf, &head, sizeof(head));
	return sizeof(head) + len;
}

int frame_open(const uint8_t *buf, size_t len, struct frame *ret_frame)
{
	struct head head;

	if (len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, buf, sizeof(head));
	if (head.len != len - sizeof(head))
		return -EBADMSG;
	if (head.kind < FRAME_CONFIG || head.kind > FRAME_DONE)
		return -EBADMSG;
	*ret_frame = (struct frame){.kind = (enum frame_kind)head.kind,
		.id = head.id,
		.payload = buf + sizeof(head),
		.len = head.len};
	return 0;
}

size_t frame_put_ask(uint8_t *buf, uint64_t id, const struct question *q)
{
	struct ask_head ask = {.type = q->type, .class = q->class};

	memcpy(buf + FRAME_HEAD, &ask, sizeof(ask));
	memcpy(buf + FRAME_HEAD + sizeof(ask), q->name.wire, q->name.len);
	return frame_put_head(buf, FRAME_ASK, id, sizeof(ask) + q->name.len);
}

int frame_get_ask(const struct frame *frame, struct question *ret_question)
{
	struct ask_head ask;
	size_t offset = sizeof(ask);

	if (frame->kind != FRAME_ASK || frame->len < sizeof(ask))
		return -EBADMSG;
	memcpy(&ask, frame->payload, sizeof(ask));
	ret_question->type = ask.type;
	ret_question->class = ask.class;
	if (name_from_wire(frame->payload, frame->len, &offset, &ret_question->name))
		return -EBADMSG;
	/* The name alone, whole: nothing behind it, and no pointer into what stands before it. */
	return ret_question->name.len == frame->len - sizeof(ask) ? 0 : -EBADMSG;
}

size_t frame_put_cancel(uint8_t *buf, uint64_t id)
{
	return frame_put_head(buf, FRAME_CANCEL, id, 0);
}

size_t frame_put_answer(uint8_t *buf, uint64_t id, const struct frame_answer *answer)
{
	size_t why_len = strnlen(answer->why, FRAME_WHY_MAX), at = FRAME_HEAD;
	struct answer_head head = {.error = answer->error, .why_len = (uint16_t)why_len};

	if (answer->secure)
		head.flags |= ANSWER_SECURE;
	if (answer->bogus)
		head.flags |= ANSWER_BOGUS;
	if (answer->unvalidated)
		head.flags |= ANSWER_UNVALIDATED;
	memcpy(buf + at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(buf + at, answer->why, why_len);
	at += why_len;
	if (answer->len)
		memcpy(buf + at, answer->message, answer->len);
	at += answer->len;
	return frame_put_head(buf, FRAME_ANSWER, id, at - FRAME_HEAD);
}

/* An answer that says two things at once, or an error that this child has no business to name, is
 * a child that is broken or has been taken over. */
static bool answer_is_sane(const struct answer_head *head, size_t message_len)
{
	bool proven = head->flags & (ANSWER_SECURE | ANSWER_BOGUS);

	if (head->flags & ~ANSWER_FLAGS)
		return false;
	if ((head->flags & ANSWER_SECURE) && (head->flags & ANSWER_BOGUS))
		return false;
	if (proven && (head->flags & ANSWER_UNVALIDATED))
		return false;
	if (head->error == 0)
		return message_len >= 12 && message_len <= FRAME_MESSAGE_MAX;
	return message_len == 0 && head->flags == 0 &&
	       (head->error == -ETIMEDOUT || head->error == -ENETUNREACH ||
		       head->error == -EREMOTEIO || head->error == -ECANCELED);
}

int frame_get_answer(const struct frame *frame, struct frame_answer *ret_answer)
{
	struct answer_head head;
	const uint8_t *why;

	if (frame->kind != FRAME_ANSWER || frame->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->payload, sizeof(head));
	if (head.why_len > FRAME_WHY_MAX || head.why_len > frame->len - sizeof(head))
		return -EBADMSG;
	if (!answer_is_sane(&head, frame->len - sizeof(head) - head.why_len))
		return -EBADMSG;
	why = frame->payload + sizeof(head);
	for (size_t i = 0; i < head.why_len; i++)
		ret_answer->why[i] = why[i] >= 0x20 && why[i] < 0x7f ? (char)why[i] : '?';
	ret_answer->why[head.why_len] = '\0';
	ret_answer->error = head.error;
	ret_answer->secure = head.flags & ANSWER_SECURE;
	ret_answer->bogus = head.flags & ANSWER_BOGUS;
	ret_answer->unvalidated = head.flags & ANSWER_UNVALIDATED;
	ret_answer->message = why + head.why_len;
	ret_answer->len = frame->len - sizeof(head) - head.why_len;
	return 0;
}

/* A word with its NUL; one that is not set is empty. false: no room. */
static bool put_word(uint8_t *buf, size_t *at, const char *word)
{
	size_t len = word ? strlen(word) + 1 : 1;

	if (len > FRAME_MAX - *at)
		return false;
	memcpy(buf + *at, word ? word : "", len);
	*at += len;
	return true;
}

int frame_put_config(uint8_t *buf, const struct upstream_config *config)
{
	struct config_head head = {0};
	size_t at = FRAME_HEAD + sizeof(head);
	bool fits;

	if (config->test_zones)
		head.flags |= CONFIG_TEST_ZONES;
	if (config->loopback_servers)
		head.flags |= CONFIG_LOOPBACK_SERVERS;
	memcpy(buf + FRAME_HEAD, &head, sizeof(head));
	fits = put_word(buf, &at, config->root_hints) && put_word(buf, &at, config->trust_anchor) &&
	       put_word(buf, &at, config->user);
	return fits ? (int)frame_put_head(buf, FRAME_CONFIG, 0, at - FRAME_HEAD) : -E2BIG;
}

/* The next word, NULL where it is empty. false: it has no end. */
static bool get_word(const struct frame *frame, size_t *at, const char **ret_word)
{
	const uint8_t *word = frame->payload + *at;
	const uint8_t *nul = memchr(word, '\0', frame->len - *at);

	if (!nul)
		return false;
	*ret_word = nul > word ? (const char *)word : NULL;
	*at += (size_t)(nul - word) + 1;
	return true;
}

int frame_get_config(const struct frame *frame, struct upstream_config *ret_config)
{
	struct config_head head;
	size_t at = sizeof(head);

	if (frame->kind != FRAME_CONFIG || frame->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->payload, sizeof(head));
	if (head.flags & ~CONFIG_FLAGS)
		return -EBADMSG;
	*ret_config = (struct upstream_config){
		.test_zones = head.flags & CONFIG_TEST_ZONES,
		.loopback_servers = head.flags & CONFIG_LOOPBACK_SERVERS,
	};
	if (!get_word(frame, &at, &ret_config->root_hints) ||
		!get_word(frame, &at, &ret_config->trust_anchor) ||
		!get_word(frame, &at, &ret_config->user))
		return -EBADMSG;
	return at == frame->len ? 0 : -EBADMSG;
}

size_t frame_put_servers(uint8_t *buf, const struct frame_servers *servers)
{
	struct servers_head head = {
		.len = (uint32_t)servers->len, .insecure_len = (uint32_t)servers->insecure_len};
	size_t at = FRAME_HEAD, entries = servers->len * sizeof(*servers->servers);
	size_t names = servers->insecure_len * sizeof(*servers->insecure);

	memcpy(buf + at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(buf + at, servers->servers, entries);
	at += entries;
	memcpy(buf + at, servers->insecure, names);
	at += names;
	return frame_put_head(buf, FRAME_SERVERS, 0, at - FRAME_HEAD);
}

/* A name as our own code makes them, and zeros behind it. */
static bool name_is_sane(const struct name *name)
{
	struct name again;
	size_t offset = 0;

	return name_from_wire(name->wire, sizeof(name->wire), &offset, &again) == 0 &&
	       again.len == name->len && memcmp(again.wire, name->wire, name->len) == 0;
}

static bool entry_is_sane(const struct server_entry *e)
{
	sa_family_t family = e->address.addr.ss_family;
	socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in);

	if (!name_is_sane(&e->zone) || !memchr(e->label, '\0', sizeof(e->label)))
		return false;
	if (e->unproven > 1 || e->lan > 1 || e->relayed > 1 || e->loops > 1)
		return false;
	return e->recursive == 1 ||
	       (e->recursive == 0 && (family == AF_INET || family == AF_INET6) &&
		       e->address.len == len);
}

int frame_get_servers(const struct frame *frame, struct frame_servers *ret_servers)
{
	struct servers_head head;
	size_t entries, names;

	if (frame->kind != FRAME_SERVERS || frame->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->payload, sizeof(head));
	if (head.len > SERVERS_MAX || head.insecure_len > UPSTREAM_INSECURE_MAX)
		return -EBADMSG;
	entries = head.len * sizeof(*ret_servers->servers);
	names = head.insecure_len * sizeof(*ret_servers->insecure);
	if (frame->len != sizeof(head) + entries + names)
		return -EBADMSG;
	memcpy(ret_servers->servers, frame->payload + sizeof(head), entries);
	memcpy(ret_servers->insecure, frame->payload + sizeof(head) + entries, names);
	ret_servers->len = head.len;
	ret_servers->insecure_len = head.insecure_len;
	for (size_t i = 0; i < head.len; i++)
		if (!entry_is_sane(&ret_servers->servers[i]))
			return -EBADMSG;
	for (size_t i = 0; i < head.insecure_len; i++)
		if (!name_is_sane(&ret_servers->insecure[i]))
			return -EBADMSG;
	return 0;
}

size_t frame_put_counters(uint8_t *buf, const struct server_counters *counters, size_t len)
{
	memcpy(buf + FRAME_HEAD, counters, len * sizeof(*counters));
	return frame_put_head(buf, FRAME_COUNTERS, 0, len * sizeof(*counters));
}

int frame_get_counters(
	const struct frame *frame, struct server_counters *ret_counters, size_t *ret_len)
{
	size_t len = frame->len / sizeof(*ret_counters);

	if (frame->kind != FRAME_COUNTERS || frame->len % sizeof(*ret_counters) ||
		len > SERVERS_MAX)
		return -EBADMSG;
	memcpy(ret_counters, frame->payload, frame->len);
	for (size_t i = 0; i < len; i++)
		if (ret_counters[i].dnssec > DNSSEC_STRIPS || ret_counters[i].down > 1)
			return -EBADMSG;
	*ret_len = len;
	return 0;
}
