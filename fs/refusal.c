/* The short memory of refused writes: a bucket for each hash, whose oldest entry gives way. */
#include "fs/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "resolver/clock.h"

#define WAYS 4 /* one would lose one in a hundred of ten refusals by chance */

static uint64_t who(const struct refusals *r, const struct question *q, uid_t uid)
{
	/* Multiplied by 2^64 over the golden ratio: neighbouring users end far apart. */
	uint64_t hash = question_hash(q, r->seed) + uid * 0x9e3779b97f4a7c15ull;
	return hash ? hash : 1;
}

/* A bucket of WAYS entries, the latest first. */
static struct refusal *bucket_of(const struct refusals *r, uint64_t who)
{
	return (struct refusal *)&r->table[(who >> 32 & (REFUSALS - 1)) / WAYS * WAYS];
}

/* WAYS: it is not there. */
static size_t place_in(const struct refusal *bucket, uint64_t who)
{
	size_t i = 0;
	while (i < WAYS && bucket[i].who != who)
		i++;
	return i;
}

/* The latter entries close the gap. */
static void take_out(struct refusal *bucket, size_t i)
{
	memmove(bucket + i, bucket + i + 1, (WAYS - 1 - i) * sizeof(*bucket));
	bucket[WAYS - 1] = (struct refusal){0};
}

void refusal_note(
	struct refusals *r, const struct question *q, uid_t uid, const struct refused *what)
{
	uint64_t w = who(r, q, uid);
	struct refusal *bucket = bucket_of(r, w);
	size_t i = place_in(bucket, w);
	take_out(bucket, i < WAYS ? i : WAYS - 1);
	memmove(bucket + 1, bucket, (WAYS - 1) * sizeof(*bucket));
	bucket[0] = (struct refusal){
		w, clock_wall() / (int64_t)SECOND, what->error, what->why ? what->why : ""};
}

const struct refusal *refusal_find(const struct refusals *r, const struct question *q, uid_t uid)
{
	uint64_t w = who(r, q, uid);
	const struct refusal *bucket = bucket_of(r, w);
	size_t i = place_in(bucket, w);
	return i < WAYS ? &bucket[i] : NULL;
}

void refusal_forget(struct refusals *r, const struct question *q, uid_t uid)
{
	uint64_t w = who(r, q, uid);
	struct refusal *bucket = bucket_of(r, w);
	size_t i = place_in(bucket, w);
	if (i < WAYS)
		take_out(bucket, i);
}

/* For those whom no reader of drafts gave a reason. */
static const char *usual_reason(int error)
{
	switch (-error) {
	case EACCES:
		return "the name is under another's key, or another's record answers for all";
	case EDQUOT:
		return "you have as many records as you may";
	case EFBIG:
		return "the set fits no zone of a key and no claim";
	case EIO:
	case ENOSPC:
		return "the disk took no record, what stood before stands";
	case EPERM:
		return "nobody writes records of this class or type";
	default:
		return "it was not taken";
	}
}

size_t refusal_line(const struct refusal *refusal, char ret_line[REFUSAL_LINE_MAX])
{
	const char *name = strerrorname_np(-refusal->error);
	const char *why = *refusal->why ? refusal->why : usual_reason(refusal->error);
	char at[32] = "?";
	time_t time = (time_t)refusal->time;
	struct tm tm;
	if (gmtime_r(&time, &tm))
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	int n = snprintf(ret_line, REFUSAL_LINE_MAX, "write: %s (%s): %s, at %s\n",
		name ? name : "EIO", strerror(-refusal->error), why, at);
	return n < 0 ? 0 : n < REFUSAL_LINE_MAX ? (size_t)n : REFUSAL_LINE_MAX - 1;
}
