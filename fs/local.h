/* What `kadns ask`, `publish` and `withdraw` say to a running kadns over its Unix socket, and hear.
 *
 * A frame is its length in 4 bytes and that many bytes; numbers are big-endian. A client sends a
 * request and waits for the reply, then perhaps another. Who he is the kernel says, never he. */
#ifndef FS_LOCAL_H
#define FS_LOCAL_H

#include "resolver/json.h"

#define LOCAL_LENGTH 4 /* of the length that stands before each frame */
#define LOCAL_REQUEST_MAX (6 + NAME_WIRE_MAX + JSON_INPUT_MAX)
/* A set of 64 kB in JSON, every byte escaped and written twice, and the message. */
#define LOCAL_REPLY_MAX (1u << 20)

enum local_kind {
	LOCAL_ASK = 1, /* text: the line that a file has */
	LOCAL_EXPLAIN, /* text: what .kadns/explain has */
	LOCAL_PUBLISH, /* text: why not */
	LOCAL_WITHDRAW,
};
struct local_request {
	enum local_kind kind;
	struct question question;
	const char *text; /* LOCAL_PUBLISH: what is written into a file */
	size_t len;
};
struct local_reply {
	int error; /* 0 or a negative errno, as a file has it */
	enum answer_trust trust;
	const char *text;
	size_t len;
	const uint8_t *message; /* LOCAL_ASK: of DNS, with DNSSEC records; none where len is 0 */
	size_t message_len;
};

/* Path of the socket of the kadns on this port, as root or as another has it; -ENAMETOOLONG,
 * -ENOENT: no XDG_RUNTIME_DIR. */
#define LOCAL_PATH_MAX 108
int local_path(bool of_root, unsigned port, char ret_path[LOCAL_PATH_MAX]);

/* Length of the frame that begins there, without these 4 bytes. */
size_t local_length(const uint8_t head[LOCAL_LENGTH]);
/* Of one frame without its length. 0 or -EBADMSG. Borrowed. */
int local_request_read(const uint8_t *frame, size_t len, struct local_request *ret_request);
int local_reply_read(const uint8_t *frame, size_t len, struct local_reply *ret_reply);
/* With their length before them, malloc'd. -ENOMEM, -EMSGSIZE. */
int local_request_write(const struct local_request *request, uint8_t **ret_bytes, size_t *ret_len);
int local_reply_write(const struct local_reply *reply, uint8_t **ret_bytes, size_t *ret_len);

#endif
