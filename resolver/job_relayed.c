/* A zone on its way to relays, while the DHT cannot be reached. */
#include <errno.h>

#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/zone_relays.h"

/* The DHT forgets an item two hours after it was put, and who keeps alive what a relay has put
 * there is the relay's own affair. */
#define LOOK_AGAIN (3600 * SECOND)

static void on_put(void *ctx, const struct zone_relays_result *result)
{
	struct job *job = ctx;
	job->relayed = NULL;
	job_zone_relayed(job, result);
}

bool job_has_relays(const struct job *job)
{
	return job->kind == JOB_ZONE && job->publisher->config.relays;
}

int job_put_relayed(struct job *job, const struct dht_item *item)
{
	struct zone_relays *relays = job->publisher->config.relays;
	if (!job_has_relays(job) || !zone_relays_silent(relays))
		return -ENETUNREACH;
	return zone_relays_put(relays, item, on_put, job, &job->relayed);
}

uint64_t job_look_again(const struct job *job, uint64_t delay)
{
	struct zone_relays *relays = job->publisher->config.relays;
	bool relayed = job_has_relays(job) && zone_relays_silent(relays);
	return relayed && delay > LOOK_AGAIN ? LOOK_AGAIN : delay;
}
