/* The shapes of RDATA on the wire: which fields a type has, and where names stand in it.
 *
 * A shape is a string, one letter a field. It decides three things: whether RDATA is valid, which
 * names a reader expands, and which ones a writer may compress.
 *
 *   1 2 4 6 8  so many bytes            s  a character string       t  one or more, to the end
 *   x  the rest, may be empty           X  the rest, at least a byte
 *   d  a name that may be compressed (the types of RFC 1035)
 *   D  a name that is expanded when read, never compressed (RFC 3597, section 4; RFC 6672)
 *   n  a name that may not be compressed        N  any number of those, to the end
 *   b  type bitmap (RFC 4034, 4.1.2)    a  address prefixes (RFC 3123)
 *   o  EDNS options (RFC 6891)          p  service parameters (RFC 9460)
 *   g  precedence, gateway type, algorithm, gateway (RFC 4025)
 *   r  precedence, relay type, relay (RFC 8777)
 *   h  lengths, algorithm, host identity tag, public key (RFC 8005) */
#ifndef RESOLVER_PACKET_SHAPE_H
#define RESOLVER_PACKET_SHAPE_H

#include <stddef.h>
#include <stdint.h>

/* The shape of a type in class IN; NULL for types that we do not know. */
const char *packet_shape(uint16_t type);
/* The length of one field at `at`, with `left` bytes to the end of the RDATA; names
 * uncompressed. -EBADMSG when it does not fit or is none. */
int packet_field(char field, const uint8_t *at, size_t left);

#endif
