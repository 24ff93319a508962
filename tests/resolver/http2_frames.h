/* Frames of HTTP/2 as a server has them, written by hand. */
#ifndef TESTS_RESOLVER_HTTP2_FRAMES_H
#define TESTS_RESOLVER_HTTP2_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DATA = 0, HEADERS = 1, RST = 3, SETTINGS = 4, PUSH = 5, PING = 6, GOAWAY = 7, CONT = 9 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

/* A head as HPACK has it: :status 200 is 0x88; a literal is 0, and a length before each part. */
#define OK "\x88"
#define TYPE                                                                                       \
	"\0\x0c"                                                                                   \
	"content-type"                                                                             \
	"\3"                                                                                       \
	"a/b"

#define FRAME_HEAD2 9
#define FRAME2_MAX (FRAME_HEAD2 + 16384)

/* Its length. */
static inline size_t frame2(uint8_t bytes[FRAME2_MAX], uint8_t type, uint8_t flags, uint32_t id,
	const void *payload, size_t len)
{
	const uint8_t head[FRAME_HEAD2] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
		type, flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
		(uint8_t)id};
	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head), payload, len);
	return sizeof(head) + len;
}

#endif
