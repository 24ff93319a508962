/* Does an upstream ask us what we ask it? Two resolvers that each take the other for the one that
 * knows would send a question to and fro until it is too old for anybody.
 *
 * A loop shows at our own door: what is under way to the upstream is asked there again. So may
 * people ask, so that is only a suspicion, and one that an answer within a moment ends. If none
 * comes, the upstream gets a question of which nobody else can know, a random name under arpa.,
 * which every resolver sends on and which tells of no user. When that stands at our door too, and
 * the upstream itself has nothing to say to it, it has no other source than us. (To ask at each
 * start, as others do, would send that name to the Internet from everyone who has no loop; and
 * special names, test. or invalid., do not leave most resolvers: RFC 6761.)
 *
 * An upstream may send us back the names of one domain only, as where two networks each take the
 * other for the one that has a zone. So it gets a second random name, below what was asked for,
 * which tells it nothing that it was not asked just now. Where that one alone comes back, the
 * upstream is asked on, as it may know all others; that it asks us is said, and why those names
 * fail. It is no storm: a question that comes back waits for itself, and fails with it; it costs
 * the upstream its two packets, as one that gets no answer does (resolver/udp_relay). One that was
 * named for a zone is asked for nothing else: a random name of that zone tells. */
#ifndef RESOLVER_UPSTREAM_LOOP_H
#define RESOLVER_UPSTREAM_LOOP_H

#include <event2/event_struct.h>

#include "resolver/question.h"

struct upstream;

/* At a time, two for a server. Who asks more of us than that waits for the next suspicion. */
#define UPSTREAM_LOOP_PROBES 8

/* One question on its way to one server. */
struct upstream_loop_probe {
	struct upstream *upstream; /* NULL: none */
	uint32_t server;
	struct question question;
	struct name domain; /* of which alone it tells; the root: of all that the server is asked */
	uint8_t id[2];
	bool came_back;
	int fd;
	struct event event;
};

struct upstream_loop {
	struct question suspect;
	struct event due; /* pending: there is a suspicion */
	struct upstream_loop_probe probes[UPSTREAM_LOOP_PROBES];
};

/* Within a struct upstream, whose base is set. */
void upstream_loop_init(struct upstream *u);
void upstream_loop_finish(struct upstream *u);

#endif
