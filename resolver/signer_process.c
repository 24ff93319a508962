/* The signer's process: one request in, one answer out, in order. There is nothing to wait for but
 * the node, so there is no loop but recv(2)'s. */
#include "resolver/signer_process.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dht/item.h"
#include "resolver/child.h"
#include "resolver/confine.h"
#include "resolver/sandbox.h"
#include "resolver/signer_file.h"
#include "resolver/signer_frame.h"

struct process {
	int fd;
	const char
		*dir; /* who has started us as root says where the keys are; NULL: the node does */
	struct keys *keys;
	uint8_t in[SIGNER_FRAME_MAX + 1]; /* what is longer is cut, and so no frame */
};

/* libcrypto reads its configuration before its first key, and no file can be opened later: so here
 * is a key, which is nobody's. */
static int warm_up(void)
{
	static const uint8_t nobody[SEED_LEN];
	uint8_t key[NAME_KEY_LEN];

	return dht_key_of_seed(nobody, key);
}

/* As root: the directory is made the user's whom we become, and entered while we may still go
 * wherever the administrator has put it. The user, or NULL: we stay who we are. */
static int enter(const char *dir, const char *user)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	int r, fd = -1;

	if (!pw)
		return user ? -ENOENT : 0;
	r = key_dir_give(dir, pw->pw_uid, pw->pw_gid, &fd);
	if (r == 0 && fchdir(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The directory first, while we may still go wherever the administrator has put it; a page is
 * locked while the limits are as they were. */
static int open_keys(struct process *p, const char *dir)
{
	const char *user = p->dir && geteuid() == 0 ? child_user(NULL) : NULL;
	const char *what = "libcrypto";
	int r;

	if (p->keys)
		return -EBADMSG;
	r = warm_up();
	if (r == 0)
		r = enter(dir, user);
	if (r == 0) {
		if (user)
			r = confine(user, &what);
		if (r == 0)
			r = keys_open(user ? "." : dir, &p->keys);
		if (r < 0)
			return r; /* the parent says it */
		r = confine(NULL, &what);
	}
	if (r == 0)
		r = sandbox_enter_files(keys_dir(p->keys), &what);
	if (r < 0)
		fprintf(stderr, "kadns: signer: %s: %s\n", what, strerror(-r));
	return r;
}

static void serve(
	struct process *p, const struct signer_request *request, struct signer_reply *ret_reply)
{
	int r = 0;
	size_t len = SIGNER_REPLY_BYTES;

	if (request->kind == FRAME_KEYS) {
		r = open_keys(p, p->dir ? p->dir : request->dir);
		len = 0;
	} else if (!p->keys) {
		r = -EBADMSG;
	} else if (request->kind == FRAME_KEY) {
		r = keys_of(p->keys, request->owner.uid, ret_reply->bytes);
		len = NAME_KEY_LEN;
	} else if (request->kind == FRAME_SECRET) {
		r = keys_secret(p->keys, request->owner.uid, ret_reply->bytes);
		len = SEED_LEN;
	} else if (request->kind == FRAME_PUBLIC) {
		r = key_of_seed(request->seed, ret_reply->bytes);
		len = NAME_KEY_LEN;
	} else if (request->kind == FRAME_IMPORT) {
		r = keys_import(p->keys, request->owner.uid, request->seed);
		len = 0;
	} else if (request->kind == FRAME_PART) {
		r = keys_sign_part(p->keys, &request->owner, &request->part, ret_reply->bytes);
	} else {
		r = keys_sign_claim(p->keys, &request->owner, &request->claim, ret_reply->bytes);
	}
	ret_reply->error = r;
	ret_reply->len = r ? 0 : len;
}

/* 0, or what ends us: the parent is gone, or is not what it was. */
static int turn(struct process *p)
{
	uint8_t out[SIGNER_REPLY_MAX];
	struct signer_request request;
	struct signer_reply reply = {0};
	struct frame frame;
	size_t len;
	ssize_t n;
	int r;

	do
		n = recv(p->fd, p->in, sizeof(p->in), 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -EPIPE;
	r = frame_open(p->in, (size_t)n, &frame);
	if (r == 0)
		r = signer_frame_get(&frame, &request);
	if (r < 0)
		return r;
	serve(p, &request, &reply);
	signer_request_finish(&request);
	len = signer_frame_put_reply(out, frame.id, &reply);
	r = send(p->fd, out, len, MSG_NOSIGNAL) < 0 ? -EPIPE : 0;
	if (frame.kind == FRAME_SECRET || frame.kind == FRAME_PUBLIC ||
		frame.kind == FRAME_IMPORT) {
		/* A seed has one place here, that of signer_keys.c. */
		explicit_bzero(p->in, (size_t)n);
		explicit_bzero(out, sizeof(out));
		explicit_bzero(&reply, sizeof(reply));
	}
	return r;
}

bool signer_child(int argc, char **argv, int *ret_status)
{
	struct process *p;

	if (argc != 2 || strcmp(argv[1], SIGNER_ARGUMENT) != 0)
		return false;
	child_ignore_signals();
	prctl(PR_SET_NAME, "kadns-signer", 0, 0, 0);
	p = calloc(1, sizeof(*p));
	*ret_status = !p;
	if (!p)
		return true;
	p->fd = SIGNER_FD;
	p->dir = getenv(SIGNER_KEYS);
	while (turn(p) == 0)
		;
	keys_close(p->keys);
	free(p);
	return true;
}
