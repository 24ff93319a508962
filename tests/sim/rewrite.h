/* For nodes that lie (sim_set_lie): the message that they change goes back into its datagram. */
#ifndef SIM_REWRITE_H
#define SIM_REWRITE_H

#include <assert.h>
#include <string.h>

#include "dht/message.h"

/* Writes `m`, whose parts may point into `datagram`, back over it. Its length. */
static inline size_t sim_rewrite(const struct dht_message *m, uint8_t *datagram, size_t cap)
{
	uint8_t buf[1500];
	int len = dht_message_write(m, buf, cap < sizeof(buf) ? cap : sizeof(buf));
	assert(len > 0);
	memcpy(datagram, buf, (size_t)len);
	return (size_t)len;
}

#endif
