/* Which machine this is, for telling a disk that was cloned block for block from the one it came
 * from: machine-id(5), which is made anew where an image is made a machine of its own. It is nobody
 * else's business, so what is kept of it is a hash. DMI's number would tell more clones, but only
 * root may read it; addresses of network interfaces come and go. */
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "resolver/own_inside.h"

#define ID_LEN 32 /* hexadecimal digits; what is there before the first boot is shorter */

void own_machine(char ret_machine[OWN_MACHINE_MAX])
{
	static const char what[] = "kadns own.db ";
	char id[sizeof(what) - 1 + ID_LEN];
	uint8_t hash[SHA256_DIGEST_LENGTH];
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ret_machine[0] = '\0';
	if (fd < 0)
		return;
	memcpy(id, what, sizeof(what) - 1);
	if (read(fd, id + sizeof(what) - 1, ID_LEN) == ID_LEN) {
		SHA256((const uint8_t *)id, sizeof(id), hash);
		for (size_t i = 0; i < (OWN_MACHINE_MAX - 1) / 2; i++)
			snprintf(ret_machine + 2 * i, 3, "%02x", hash[i]);
	}
	close(fd);
}
