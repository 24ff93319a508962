/* The process of the DHT validator: cases by frames, each with its own context of libunbound and
 * its own source on loopback. */
#include "resolver/dht_validator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "resolver/child.h"
#include "resolver/child_loop.h"
#include "resolver/confine.h"
#include "resolver/judge.h"
#include "resolver/judge_frame.h"
#include "resolver/packet.h"
#include "resolver/root_text.h"
#include "resolver/sandbox.h"
#include "resolver/trial.h"

#define ANCHOR_MAX_BYTES (1 << 18)

struct validator {
	struct child_loop loop;
	struct trial_env env;
	char *trust_anchor; /* as text */
	struct trial *trials[JUDGE_CASES_MAX];
	size_t len;
	uint8_t out[FRAME_MAX];
};

static bool on_tick(void *ctx)
{
	const struct validator *v = ctx;

	return v->len > 0;
}

static struct trial **place_of(struct validator *v, uint64_t id)
{
	for (size_t i = 0; i < v->len; i++)
		if (trial_id(v->trials[i]) == id)
			return &v->trials[i];
	return NULL;
}

static void forget(struct validator *v, struct trial **place)
{
	*place = v->trials[--v->len];
}

static void on_want(void *ctx, struct trial *trial, const struct question *q)
{
	struct validator *v = ctx;

	child_loop_send(&v->loop, v->out, judge_frame_put_want(v->out, trial_id(trial), q));
}

static void tell(struct validator *v, uint64_t id, const struct frame_answer *answer)
{
	child_loop_send(&v->loop, v->out, frame_put_answer(v->out, id, answer));
}

static void on_done(void *ctx, struct trial *trial, const struct frame_answer *answer)
{
	struct validator *v = ctx;
	uint64_t id = trial_id(trial);

	forget(v, place_of(v, id));
	tell(v, id, answer);
}

/* 0, or -EBADMSG for what the node would not send. */
static int begin(struct validator *v, const struct frame *frame)
{
	struct question q;
	struct trial *trial;

	if (frame_get_ask(frame, &q) || v->len == JUDGE_CASES_MAX || place_of(v, frame->id))
		return -EBADMSG;
	if (type_is_meta(q.type) || trial_create(&v->env, frame->id, &q, &trial)) {
		tell(v, frame->id, &(struct frame_answer){.error = -EREMOTEIO});
		return 0;
	}
	v->trials[v->len++] = trial;
	child_loop_work(&v->loop);
	trial_start(trial);
	return 0;
}

static void cancel(struct validator *v, uint64_t id)
{
	struct trial **place = place_of(v, id), *trial;

	/* Our answer and the node's change of mind may have crossed. */
	if (!place)
		return;
	trial = *place;
	forget(v, place);
	trial_destroy(trial);
	tell(v, id, &(struct frame_answer){.error = -ECANCELED});
}

static int take_gift(struct validator *v, const struct frame *frame)
{
	struct judge_gift gift;
	struct trial **place = place_of(v, frame->id);

	if (judge_frame_get_gift(frame, &gift))
		return -EBADMSG;
	if (place)
		trial_give(*place, &gift);
	return 0;
}

static int handle_frame(void *ctx, const struct frame *frame)
{
	struct validator *v = ctx;

	switch (frame->kind) {
	case FRAME_ASK:
		return begin(v, frame);
	case FRAME_CANCEL:
		cancel(v, frame->id);
		return 0;
	case FRAME_GIFT:
		return take_gift(v, frame);
	case FRAME_CONFIG:
	case FRAME_ANSWER:
	case FRAME_SERVERS:
	case FRAME_COUNTERS:
	case FRAME_KEYS:
	case FRAME_KEY:
	case FRAME_PART:
	case FRAME_CLAIM:
	case FRAME_SIGNED:
	case FRAME_SECRET:
	case FRAME_PUBLIC:
	case FRAME_IMPORT:
	case FRAME_SPAWN:
	case FRAME_KILL:
	case FRAME_BIND:
	case FRAME_MOUNT:
	case FRAME_UNMOUNT:
	case FRAME_SERVING:
	case FRAME_TELL:
	case FRAME_CALL:
	case FRAME_HOLDS:
	case FRAME_KILLED:
	case FRAME_DONE:
	case FRAME_WANT:
		break;
	}
	return -EBADMSG;
}

/* Everything that files, users and networks are needed for, and then without. What the node names
 * is opened as its user: who has taken it over must not have root open any path of the machine. */
static int give_up(struct validator *v, const struct upstream_config *config, const char **what)
{
	int r;

	*what = "a network of its own";
	r = confine_network();
	if (r)
		return r;
	r = confine(child_user(config->user ? config->user : "nobody"), what);
	if (r)
		return r;
	*what = "trust anchor";
	return root_text_read(config->trust_anchor ? config->trust_anchor : UPSTREAM_TRUST_ANCHOR,
		ANCHOR_MAX_BYTES, &v->trust_anchor);
}

static int setup(struct validator *v, bool test_zones)
{
	int r = child_loop_init(&v->loop);

	v->env = (struct trial_env){.base = v->loop.base,
		.trust_anchor = v->trust_anchor,
		.test_zones = test_zones,
		.wants = on_want,
		.done = on_done,
		.ctx = v};
	return r;
}

static void finish(struct validator *v)
{
	for (size_t i = 0; i < v->len; i++)
		trial_destroy(v->trials[i]);
	child_loop_finish(&v->loop);
	free(v->trust_anchor);
	free(v);
}

static int run(struct validator *v, const char **what)
{
	struct upstream_config config;
	int r;

	*what = "configuration";
	r = child_loop_config(&v->loop, &config);
	if (!r)
		r = give_up(v, &config, what);
	if (!r) {
		*what = "setup";
		r = setup(v, config.test_zones);
	}
	if (!r)
		r = sandbox_enter(what);
	if (!r)
		child_loop_run(&v->loop);
	return r;
}

/* Of nice(2): where both want the same processor, what the node has in memory goes first. */
#define BEHIND_THE_DOORS 5

bool dht_validator_child(int argc, char **argv, int *ret_status)
{
	const char *what = "memory";
	struct validator *v;
	int r;

	if (argc != 2 || strcmp(argv[1], DHT_VALIDATOR_ARGUMENT) != 0)
		return false;
	child_ignore_signals();
	(void)!nice(BEHIND_THE_DOORS);
	prctl(PR_SET_NAME, "kadns-judge", 0, 0, 0);
	v = calloc(1, sizeof(*v));
	r = v ? 0 : -ENOMEM;
	if (v) {
		v->loop.fd = DHT_VALIDATOR_FD;
		v->loop.handle = handle_frame;
		v->loop.ticked = on_tick;
		v->loop.ctx = v;
		r = run(v, &what);
		finish(v);
	}
	if (r && r != -EPIPE)
		fprintf(stderr, "kadns: DHT validator: %s: %s\n", what, strerror(-r));
	*ret_status = r ? 1 : 0;
	return true;
}
