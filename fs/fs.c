/* What all operations of the mount share. */
#include "fs/fs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "fs/edit.h"
#include "fs/log.h"
#include "fs/watch.h"
#include "resolver/clock.h"

static int create_pending(
	struct event_base *base, const struct fs_config *config, struct pending_list **ret_list)
{
	const struct pending_config pending = {.resolver = config->resolver,
		.publisher = config->publisher,
		.deadline = config->deadline,
		.lookups = config->lookups,
		.owner = config->owner};
	return pending_create(base, &pending, ret_list);
}

/* For .kadns/status. */
static void status(void *ctx, FILE *f)
{
	const struct fs *fs = ctx;
	struct pending_counters c;
	struct watch_counters w = {0};
	pending_counters(fs->pending, &c);
	if (fs->watches)
		watch_counters(fs->watches, &w);
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {
		{"mount.asked", c.asked},
		{"mount.waiting", pending_count(fs->pending)},
		{"mount.receipts", c.receipts},
		{"mount.interrupted", c.interrupted},
		{"mount.crowded", c.crowded},
		{"mount.hasty", c.hasty},
		{"mount.watches", w.watches},
		{"mount.wakes", w.wakes},
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		fprintf(f, "%-34s %" PRIu64 "\n", lines[i].name, lines[i].value);
}

int fs_create(struct event_base *base, const struct fs_config *config, struct fs **ret_fs)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	if (!fs)
		return -ENOMEM;
	fs->resolver = config->resolver;
	fs->publisher = config->publisher;
	fs->owner = config->owner;
	fs->root_secrets = config->root_secrets;
	fs->group = getegid();
	fs->started = clock_wall() / (int64_t)SECOND;
	uint64_t seed;
	int r = getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? 0 : -EIO;
	if (r == 0)
		r = tree_create(seed, &fs->tree);
	fs->refusals.seed = seed;
	fs->listed.seed = seed;
	if (r == 0)
		r = scratch_create(fs->owner, &fs->scratch);
	if (r == 0)
		r = memo_create(seed, &fs->memo);
	if (r == 0)
		r = create_pending(base, config, &fs->pending);
	if (r == 0)
		r = later_create(base, &fs->laters);
	if (r == 0)
		r = handle_list_create(fs->owner, &fs->handles);
	if (r == 0 && config->waiters)
		r = watch_list_create(base, fs, config->waiters, &fs->watches);
	if (r < 0) {
		fs_destroy(fs);
		return r;
	}
	resolver_status_by(fs->resolver, status, fs);
	if (fs->watches)
		resolver_watch(fs->resolver, watch_changed, fs->watches);
	*ret_fs = fs;
	return 0;
}

static void end_draft(void *ctx, struct handle *h)
{
	edit_release(ctx, h);
}

void fs_stop(struct fs *fs)
{
	if (!fs)
		return;
	resolver_status_by(fs->resolver, NULL, fs);
	pending_destroy(fs->pending);
	fs->pending = NULL;
	/* Closes that waited for the disk may have to wait for time then (fs/pace); for the network
	 * nobody does any more. */
	publish_settle(fs->publisher, FS_SETTLE);
	later_destroy(fs->laters);
	fs->laters = NULL;
	/* No RELEASE comes for what is open when the mount goes. */
	if (fs->handles)
		handle_each(fs->handles, HANDLE_DRAFT, end_draft, fs);
	handle_list_destroy(fs->handles); /* before what handles refer to */
	fs->handles = NULL;
	resolver_watch(fs->resolver, NULL, NULL);
	watch_list_destroy(fs->watches);
	fs->watches = NULL;
}

void fs_destroy(struct fs *fs)
{
	if (!fs)
		return;
	fs_stop(fs);
	memo_destroy(fs->memo);
	tree_destroy(fs->tree);
	scratch_destroy(fs->scratch);
	removal_finish(&fs->removals);
	free(fs);
}

void fs_log_record(enum fs_event event, const struct question *q, uid_t uid, const char *why)
{
	char class[TYPE_TEXT_MAX], type[TYPE_TEXT_MAX], name[NAME_TEXT_MAX];
	char text[NAME_TEXT_MAX + 2 * TYPE_TEXT_MAX];
	const char *by = *why ? ": " : "";
	name_to_absolute(&q->name, name);
	snprintf(text, sizeof(text), "%s/%s/%s", class_to_text(q->class, class),
		type_to_text(q->type, type), name);
	switch (event) {
#define SAY(level, what)                                                                           \
	log_line_of(uid, level, "%s of uid %u: " what "%s%s", text, (unsigned)uid, by, why)
	case FS_REFUSED:
		SAY(LOG_NOTICE, "what was written is refused");
		break;
	case FS_REFUSED_RENAME:
		SAY(LOG_NOTICE, "renamed onto, but refused");
		break;
	case FS_DROPPED:
		SAY(LOG_NOTICE, "dropped");
		break;
	case FS_NOT_PUBLISHED:
		SAY(LOG_NOTICE, "not published");
		break;
	case FS_OVERTAKEN:
		SAY(LOG_NOTICE, "changed meanwhile by another, that stays");
		break;
	case FS_NOT_RESTORED:
		SAY(LOG_ERR, "what stood before could not be put back");
		break;
	case FS_LOST:
		SAY(LOG_ERR, "what was written is lost, and what stood before stands");
		break;
	case FS_UNSETTLED:
		SAY(LOG_ERR, "kadns ended before the disk had taken it");
		break;
	case FS_NOT_REMOVED:
		SAY(LOG_ERR, "removed, but the disk has failed, and it stands again");
		break;
#undef SAY
	}
}
