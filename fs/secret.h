/* .kadns/secret: the seed of the caller's key, as text.
 *
 * Nothing here keeps it: a READ asks the signer's process each time, and what is written is held
 * until it is whole, which is the WRITE or the close that brings its end, and wiped. */
#ifndef FS_SECRET_H
#define FS_SECRET_H

#include "resolver/publish.h"

#define SECRET_TEXT (2 * SIGNER_SEED_LEN + 1) /* 64 hex digits and a newline */
#define SECRET_INPUT_MAX 160		      /* the longest form, with white space around it */

struct fs;

/* The forms in which seeds of Ed25519 keys go about: 64 hex digits, as pkarr's secret key files and
 * iroh have them, and 128 where the public key stands behind it, as libsodium and pkarr's
 * JavaScript do (`has_key`). 52 characters of z-base-32 are a public key: -EINVAL, as is all else.
 */
struct secret {
	uint8_t seed[SIGNER_SEED_LEN];
	uint8_t key[NAME_KEY_LEN];
	bool has_key;
};
int secret_from_text(const char *text, size_t len, struct secret *ret_secret);
void secret_to_text(const uint8_t seed[SIGNER_SEED_LEN], char ret_text[SECRET_TEXT]);

/* May this uid have to do with it? -EACCES: root, but where the option lets him. What runs as root
 * reads whole trees, to back them up or to index them, and would carry the key off. */
int secret_may(const struct fs *fs, uid_t uid);
/* The caller's own, as a READ of so many bytes at `offset` gives it; *ret_len of them. ret_text is
 * the caller's to wipe. */
int secret_read(const struct fs *fs, uid_t uid, char ret_text[SECRET_TEXT]);

/* What is being written. */
struct secret_draft;
int secret_draft_create(struct secret_draft **ret_draft);
void secret_draft_destroy(struct secret_draft *d); /* wipes; NULL is fine */
/* Counts when it has its newline, or at the close. -EINVAL: no seed, or more than one, and then all
 * that comes; -EAGAIN: too much of this lately, so that a write took nothing, and what a close found
 * stays for the next; else as publish_import. */
int secret_draft_write(
	struct secret_draft *d, struct fs *fs, uid_t uid, const char *bytes, size_t len);
int secret_draft_close(struct secret_draft *d, struct fs *fs, uid_t uid);
void secret_draft_clear(struct secret_draft *d); /* it is emptied, or its writer was killed */

#endif
