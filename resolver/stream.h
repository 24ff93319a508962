/* A stream of bytes over a non-blocking socket, plain TCP or TLS: the thin edge to OpenSSL.
 *
 * It waits for nothing and knows no loop. What TLS has read from the socket but not handed out, no
 * poll will tell of: `more` does. */
#ifndef RESOLVER_STREAM_H
#define RESOLVER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_st;

struct stream {
	int fd;		    /* -1: closed */
	struct ssl_st *tls; /* NULL: plain */
	bool more;	    /* read again without waiting for the socket */
	bool unflushed;	    /* something that was taken is not with the kernel yet */
	bool awaits_room; /* after -EAGAIN of a handshake or a read: it is writing that has to wait
			   */
};

/* 0; -EAGAIN: again when the socket is readable, or has room; any other: it is of no use. Without
 * TLS at once 0. */
int stream_handshake(struct stream *s);
/* Bytes; 0: the other end has said all; -EAGAIN; any other error: it is of no use. */
ssize_t stream_read(struct stream *s, void *buf, size_t size);
/* Bytes taken, of which a server's TLS may keep some until stream_flush: so that many records cost
 * one call of the system. -EAGAIN: nothing, and then the same bytes, or more behind them, are to
 * come again; any other error: it is of no use. TLS puts all of a call into as few records as there
 * can be. */
ssize_t stream_write(struct stream *s, const void *buf, size_t len);
/* Sends what was kept: 0, -EAGAIN (and then `unflushed`), any other error: it is of no use. */
int stream_flush(struct stream *s);
/* Says good-bye as far as that costs no wait, and closes at once. */
void stream_close(struct stream *s);
/* We have said all. What the peer still says can be read, as bytes that mean nothing. */
void stream_end(struct stream *s);

/* Of a finished handshake. */
bool stream_resumed(const struct stream *s);
bool stream_speaks(const struct stream *s, const char *protocol); /* what ALPN chose */
/* Why the last call of this thread failed, for people: of TLS, or of errno. */
#define STREAM_WHY_MAX 128
void stream_why(const struct stream *s, int error, char ret_why[STREAM_WHY_MAX]);

#endif
