/* main() for a fuzz target outside libFuzzer: replays every file of the corpus directories
 * named on the command line, so that an input that once broke a parser is tried for ever. */
#undef NDEBUG
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay_file(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	/* Exactly as long as the file, so that a read past the end is a read past the heap. */
	fseek(f, 0, SEEK_END);
	long len = ftell(f);
	rewind(f);
	uint8_t *data = malloc(len > 0 ? (size_t)len : 1);
	int r = data && fread(data, 1, (size_t)len, f) == (size_t)len ? 0 : -1;
	if (r == 0)
		LLVMFuzzerTestOneInput(data, (size_t)len);
	free(data);
	fclose(f);
	return r;
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		if (!dir) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
			return 1;
		}
		struct dirent *entry;
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			if (replay_file(argv[i], entry->d_name) < 0)
				return 1;
			files++;
		}
		closedir(dir);
	}
	printf("%u inputs\n", files);
	return files ? 0 : 1; /* an empty corpus tests nothing */
}
