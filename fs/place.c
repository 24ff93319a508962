/* The mountpoint, as the starter has it. */
#include "fs/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/caller.h"
#include "fs/log.h"
#include "fs/mount.h"

static int say(const struct place *p, int error, const char *why)
{
	log_line(LOG_ERR, "%s: %s", p->config->mountpoint, why && *why ? why : strerror(-error));
	return error;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* From here on the connection is what keeps the mount. */
static int take(struct place *p)
{
	char device[32];
	const char *why = p->handover.why;
	int r = handover_take(p->config->mountpoint, &p->handover);
	if (r == 0) {
		snprintf(device, sizeof(device), "/dev/fd/%d", p->handover.device);
		snprintf(p->path, sizeof(p->path), "%s", p->handover.path);
		r = mount_prepare(device, &p->lock, &why);
	}
	if (r < 0) {
		close_one(&p->handover.device);
		close_one(&p->handover.connection);
	}
	return r < 0 ? say(p, r, why) : 0;
}

static int prepare(struct place *p)
{
	const char *why = "";
	int r = mount_prepare(p->config->mountpoint, &p->lock, &why);
	return r < 0 ? say(p, r, why) : 0;
}

int place_open(struct place *p, const struct config *config)
{
	const char *asked = config->mountpoint;
	p->config = config;
	if (handover_is_asked(asked))
		return take(p);
	int r = prepare(p);
	if (r < 0)
		return r;
	if (mount_is_given(asked)) {
		snprintf(p->path, sizeof(p->path), "%s", asked);
		p->handover.device = atoi(asked + strlen("/dev/fd/"));
	} else if (!realpath(asked, p->path)) {
		return say(p, -errno, NULL);
	}
	return 0;
}

static int make(struct place *p, int *ret_device)
{
	const struct mount_config config = {.mountpoint = p->path,
		.source = p->config->source,
		.allow_other = p->config->allow_other,
		.read_only = p->config->read_only,
		.auto_unmount = p->config->auto_unmount};
	int watched, r = p->lock < 0 ? prepare(p) : 0;
	if (r < 0)
		return r;
	r = mount_make(&config, ret_device, &watched);
	if (r < 0)
		log_line(LOG_ERR, "%s: %s", p->path, *mount_why() ? mount_why() : strerror(-r));
	/* Who watched the one before finds this one, which lives, and ends. */
	close_one(&p->watched);
	p->watched = watched;
	close_one(&p->lock); /* whatever became of it; a node's copy, if any, is closed by itself */
	return r;
}

int place_mount(struct place *p, int *ret_device)
{
	bool handed = handover_is_asked(p->config->mountpoint);
	int r = 0;
	if (p->mounted)
		return say(p, -EALREADY, NULL);
	if (handed && p->handover.device < 0)
		r = take(p);
	else if (!handed && !mount_is_given(p->path))
		r = make(p, &p->handover.device);
	if (r == 0 && p->handover.device < 0)
		r = say(p, -EBADF, NULL); /* one that was given is given once */
	if (r < 0)
		return r;
	*ret_device = p->handover.device;
	p->handover.device = -1;
	p->mounted = true;
	p->dead = false; /* what was there has been taken away */
	p->device = mount_is_given(p->path) ? 0 : caller_device(p->path);
	return 0;
}

/* Asked without a request to the mount, which its node could not answer now. */
void place_unmount(struct place *p)
{
	if (!p->mounted)
		return;
	p->mounted = false;
	if (handover_is_asked(p->config->mountpoint))
		close_one(&p->handover.connection);
	else if (p->device && caller_device(p->path) == p->device)
		mount_detach(p->path);
}

void place_lost(struct place *p)
{
	close_one(&p->handover.connection); /* kadns-mount unmounts */
	p->dead = p->dead || p->mounted;
	p->mounted = false;
}

void place_close(struct place *p)
{
	const char *why;
	close_one(&p->handover.connection);
	close_one(&p->lock);
	if (p->dead && !mount_is_given(p->path) && !handover_is_asked(p->config->mountpoint))
		mount_clear(p->path, &why);
	p->dead = false;
}

void place_leave(struct place *p)
{
	close_one(&p->handover.connection);
	close_one(&p->handover.device);
	close_one(&p->lock);
	close_one(&p->watched);
	p->mounted = false;
}
