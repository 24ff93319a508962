/* Key files: a seed comes from its file, or is made and lies on disk before anyone sees it. */
#ifndef RESOLVER_SIGNER_FILE_H
#define RESOLVER_SIGNER_FILE_H

#include "resolver/signer.h"

#define SEED_LEN SIGNER_SEED_LEN

/* The public key, wherever the seed comes from. */
int key_of_seed(const uint8_t seed[SEED_LEN], uint8_t ret_key[NAME_KEY_LEN]);
/* Makes the directory when absent; *ret_fd is open on it. -EPERM: not ours alone. */
int key_dir_open(const char *dir, int *ret_fd);
/* As root: the same, and makes it and the files in it another user's. -EPERM: it was neither
 * root's, nor his, nor of who has the directory above it. */
int key_dir_give(const char *dir, uid_t uid, gid_t gid, int *ret_fd);
/* -ENOENT; -EPERM: not ours alone, or not a seed. */
int key_file_read(int dir_fd, uid_t uid, uint8_t ret_seed[SEED_LEN]);
/* -EEXIST: it was there already, and was left alone. */
int key_file_make(int dir_fd, uid_t uid);
/* Makes this seed the uid's. The one before stays beside it, as UID.old.N, once for each key: a key
 * is its owner's name, and the only copy of it may be here. -EDQUOT: KEYS_KEPT_MAX of them do. */
#define KEYS_KEPT_MAX 16
int key_file_replace(int dir_fd, uid_t uid, const uint8_t seed[SEED_LEN]);

#endif
