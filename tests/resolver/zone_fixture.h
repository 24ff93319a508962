/* For tests of zones on a network: names below one key, and what stands in its zone. */
#ifndef TESTS_ZONE_FIXTURE_H
#define TESTS_ZONE_FIXTURE_H

#include <fcntl.h>

#include "tests/resolver/network_fixture.h"

#define WRITER 1000

/* `label`.<the writer's key>; valid until the sixteenth call after it. */
static inline const char *named(const char *format, unsigned i)
{
	static char names[16][128];
	static unsigned next;
	uint8_t key[NAME_KEY_LEN];
	char *name = names[next++ % 16];
	assert_int_equal(publish_key(nodes[0].publisher, WRITER, key), 0);
	int at = snprintf(name, 64, format, i);
	name[at++] = '.';
	key_to_text(key, name + at);
	return name;
}

static inline void put_range(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		assert_int_equal(put(&nodes[0], WRITER, named("k%u", i), (uint8_t)i), 0);
}

static inline void until_all_published(void)
{
	struct publish_counters c;
	do {
		event_base_loop(base, EVLOOP_ONCE);
		publish_counters(nodes[0].publisher, &c);
	} while (c.queued);
}

static inline void withdraw(struct node *n, const char *name)
{
	struct question q = question_of(name);
	int r = publish_remove(n->publisher, WRITER, &q);
	assert_true(r == 0 || r == -ENOENT); /* the other has been faster, and this one knows it */
}

/* From the network, not from memory. */
static inline struct heard ask_anew(struct node *n, const char *name)
{
	struct question q = question_of(name);
	resolver_changed(n->resolver, &q);
	return ask(n, VIEW_DOOR, name);
}

static inline struct publish_counters said(struct node *n)
{
	struct publish_counters c;
	publish_counters(n->publisher, &c);
	return c;
}

static inline struct dht_id zone_target(void)
{
	uint8_t key[NAME_KEY_LEN];
	struct dht_id target;
	assert_int_equal(publish_key(nodes[0].publisher, WRITER, key), 0);
	dht_mutable_target(key, NULL, 0, &target);
	return target;
}

static inline struct dht_id head_at(struct node *n, struct dht_item *ret_item)
{
	struct dht_id target = zone_target();
	assert_int_equal(dht_store_find(n->store, &target, NULL, clock_wall(), ret_item), 0);
	return target;
}

/* How many pages, as node 1 holds the zone packet. */
static inline struct pages_marker marker_at(struct node *n)
{
	uint8_t key[NAME_KEY_LEN];
	struct pages_marker marker;
	struct dht_item item;
	struct zone *zone;
	const uint8_t *bytes;
	size_t len;
	assert_int_equal(publish_key(nodes[0].publisher, WRITER, key), 0);
	head_at(n, &item);
	assert_int_equal(dht_item_get_string(&item, &bytes, &len), 0);
	assert_int_equal(zone_read(key, bytes, len, &zone), 0);
	pages_marker(zone, key, &marker);
	zone_destroy(zone);
	return marker;
}

static inline struct job *zone_job(struct node *n)
{
	struct job *job = TAILQ_FIRST(&n->publisher->jobs);
	while (job && job->kind != JOB_ZONE)
		job = TAILQ_NEXT(job, link);
	assert_non_null(job);
	return job;
}

/* The whole zone is read, and put anew where that is needed. */
static inline void look_after(struct node *n)
{
	struct job *job = zone_job(n);
	while (job->state != JOB_WAITING)
		event_base_loop(base, EVLOOP_ONCE);
	uint64_t started = job->started;
	job_in_turn(job);
	while (job->started == started || job->state != JOB_WAITING)
		event_base_loop(base, EVLOOP_ONCE);
}

static inline void copy_key(void)
{
	char from[128], to[128];
	uint8_t seed[32], key[NAME_KEY_LEN];
	assert_int_equal(publish_key(nodes[0].publisher, WRITER, key), 0);
	snprintf(from, sizeof(from), "%s/keys/%d", nodes[0].dir, WRITER);
	snprintf(to, sizeof(to), "%s/keys/%d", nodes[1].dir, WRITER);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_equal(read(in, seed, sizeof(seed)), sizeof(seed));
	assert_int_equal(write(out, seed, sizeof(seed)), sizeof(seed));
	close(in);
	close(out);
}

static inline int standing(struct node *n, const char *name)
{
	struct question q = question_of(name);
	const struct rrset *set = publish_standing(n->publisher, WRITER, &q);
	return set ? set->data[5] : -1;
}

static inline void set_heads(const struct dht_id *target, const struct dht_item *item)
{
	for (int i = 0; i < NODES; i++)
		assert_int_equal(
			dht_store_keep(nodes[i].store, target, item, NULL, clock_wall()), 0);
}

#endif
