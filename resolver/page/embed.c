/* embed FILE…: a C file that holds them, for the compiler; run by meson when one of them changes.
 * Not #embed, which our compilers do not have yet, nor an assembler's .incbin, whose files no build
 * knows to depend on. */
#include <stdio.h>
#include <string.h>

static int write_bytes(const char *path)
{
	FILE *f = fopen(path, "rb");
	unsigned n = 0;
	int c;
	if (!f) {
		perror(path);
		return 1;
	}
	while ((c = fgetc(f)) != EOF)
		printf("%u,%s", (unsigned)c, ++n % 24 ? "" : "\n");
	int bad = ferror(f) != 0;
	fclose(f);
	return bad;
}

int main(int argc, char **argv)
{
	puts("#include \"resolver/page/page.h\"\n");
	for (int i = 1; i < argc; i++) {
		printf("static const unsigned char file%d[] = {\n", i);
		if (write_bytes(argv[i]))
			return 1;
		puts("};\n");
	}
	puts("const struct page_file page_files[] = {");
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');
		printf("\t{\"%s\", file%d, sizeof(file%d)},\n", slash ? slash + 1 : argv[i], i, i);
	}
	puts("\t{0, 0, 0},\n};");
	return fflush(stdout) != 0;
}
