/* Key files: a seed comes from its file, or is made and lies on disk before anyone sees it. */
#ifndef RESOLVER_SIGNER_FILE_H
#define RESOLVER_SIGNER_FILE_H

#include <stdint.h>
#include <sys/types.h>

#define SEED_LEN 32

/* Makes the directory when absent; *ret_fd is open on it. -EPERM: not ours alone. */
int key_dir_open(const char *dir, int *ret_fd);
/* -ENOENT; -EPERM: not ours alone, or not a seed. */
int key_file_read(int dir_fd, uid_t uid, uint8_t ret_seed[SEED_LEN]);
/* -EEXIST: it was there already, and was left alone. */
int key_file_make(int dir_fd, uid_t uid);

#endif
