/* kadns key: what public key a secret is. For a key that nobody has yet, as the next one of a
 * rotation, and for a backup of which one wants to know whose it is. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/client.h"
#include "fs/secret.h"
#include "resolver/signer_file.h"

static int refuse(const char *why)
{
	fprintf(stderr, "kadns: key: %s\n", why);
	return CLIENT_USAGE;
}

/* read(2), since stdio would keep a copy. */
static size_t read_all(char *text, size_t cap)
{
	size_t len = 0;
	ssize_t n;
	while (len < cap && (n = read(STDIN_FILENO, text + len, cap - len)) > 0)
		len += (size_t)n;
	return len;
}

int client_key(int argc, char **argv)
{
	static char text[SECRET_INPUT_MAX + 1];
	struct secret secret;
	uint8_t key[NAME_KEY_LEN];
	char words[NAME_KEY_TEXT + 1];
	(void)argv;
	if (argc > 1)
		return refuse("takes no words: a secret comes on standard input");
	mlock(text, sizeof(text));
	int r = secret_from_text(text, read_all(text, sizeof(text)), &secret);
	explicit_bzero(text, sizeof(text));
	if (r == 0)
		r = key_of_seed(secret.seed, key);
	explicit_bzero(secret.seed, sizeof(secret.seed));
	if (r < 0)
		return refuse("that is no secret: 64 hexadecimal digits, or 128 with the public "
			      "key behind them");
	if (secret.has_key && memcmp(secret.key, key, sizeof(key)) != 0)
		return refuse("the public key is another's than the secret before it");
	key_to_text(key, words);
	return puts(words) < 0 || fflush(stdout) ? CLIENT_USAGE : CLIENT_OK;
}
