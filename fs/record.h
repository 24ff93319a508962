/* A record file: what memory says of it to one caller, and what removing and renaming it do.
 *
 * Nothing here waits: these are the requests that the kernel sends with a directory locked. */
#ifndef FS_RECORD_H
#define FS_RECORD_H

#include "fs/fs.h"

/* What is known without asking anybody: true, and 0 with a borrowed answer, or the error that
 * reading the file gives. False: the resolver must be asked. */
bool record_recall(struct fs *fs, const struct question *q, uid_t uid, int *ret_error,
	const struct answer **ret_answer);
/* The same without what is over but was listed a moment ago: for who waits for the next version. */
bool record_recall_fresh(struct fs *fs, const struct question *q, uid_t uid, int *ret_error,
	const struct answer **ret_answer);
/* An answer to this caller has come: remembers for a moment that there is nothing. */
void record_learn(struct fs *fs, const struct question *q, uid_t uid, int error);
/* Is it known, and whether it is there (0) or not (an error)? What he is writing is there. */
bool record_is_known(struct fs *fs, const struct node *node, uid_t uid, int *ret_error);
/* May its attributes be kept by the kernel? Not where they differ from caller to caller. */
bool record_is_shared(struct fs *fs, const struct question *q);

/* 0; -EACCES: under another's key, or another user's record that holds for all; -EPERM: a class or
 * type that nobody writes. */
int record_is_allowed(struct resolver *resolver, struct publisher *publisher,
	const struct question *q, uid_t uid);
int record_may_write(struct fs *fs, const struct question *q, uid_t uid);
/* May anything be made in this directory, private files too? Where nobody writes records (-EPERM),
 * an editor has nothing to do. */
int record_may_create(struct fs *fs, uint16_t class, uint16_t type);

/* The set that he reads there, from memory, for what he writes after reading it; NULL: none, or it
 * is not known. 0, -ENOMEM. The caller owns it. */
int record_shown(struct fs *fs, const struct question *q, uid_t uid, struct rrset **ret_set);

/* Withdraws the caller's record. -EPERM: there is a record, but it is not his. 0 where there is
 * nothing: the kernel believed in a phantom. */
int record_remove(struct fs *fs, const struct question *q, const struct pending_caller *caller);
/* What was to come in the place of a record that this process has just removed is refused: the
 * record stands again. Nothing where it has removed none. */
void record_put_back(struct fs *fs, const struct question *q, const struct pending_caller *caller);
/* -ENOENT: nothing to rename; -EPERM: not his; as record_may_write of the new name. */
int record_rename(struct fs *fs, const struct question *from, const struct question *to, uid_t uid);
/* A scratch file becomes a record: validated and published, or (-EINVAL) it stays what it was. It
 * may be the only copy, so it is there until the disk has the record: then record_moved says so, or
 * that the disk has failed and it goes on as a private file. */
int record_from_scratch(struct fs *fs, struct scratch_file *file, const struct question *to,
	const struct pending_caller *caller);
void record_moved(struct scratch_file *file, int error);
/* A record becomes a scratch file that holds what reading it gave, and is withdrawn. The file has
 * the name, and another that had it is gone, when the disk has that: record_copied says so, or that
 * it has failed and the record stands. */
struct name_text {
	const char *text;
	size_t len;
};
int record_to_scratch(struct fs *fs, const struct question *from,
	const struct pending_caller *caller, const struct name_text *name,
	struct scratch_file **ret_copy);
void record_copied(struct scratch_file *copy, int error);

#endif
