/* Which lines of mountinfo are kadns's mounts, and what they say. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "fs/mountinfo.h"

static void test_own_lines(void **state)
{
	(void)state;
	static const struct {
		const char *line, *path;
		bool safe;
		unsigned uid, gid;
	} rows[] = {
		{"68 64 0:44 / /mnt/dns rw,nosuid,nodev,noexec,relatime - fuse.kadns none "
		 "rw,user_id=0,group_id=0,allow_other\n",
			"/mnt/dns", true, 0, 0},
		{"68 64 0:44 / /dns rw,relatime - fuse.kadns kadns rw,user_id=65534,group_id=7\n",
			"/dns", false, 65534, 7},
		/* One flag alone, each in turn, is missing. */
		{"1 2 0:1 / /a rw,nosuid,nodev - fuse.kadns n rw,user_id=1,group_id=2", "/a", false,
			1, 2},
		{"1 2 0:1 / /a nosuid,noexec,rw - fuse.kadns n rw,user_id=1,group_id=2", "/a",
			false, 1, 2},
		{"1 2 0:1 / /a noexec,nodev - fuse.kadns n rw,user_id=1,group_id=2", "/a", false, 1,
			2},
		/* No flag is another's beginning. */
		{"1 2 0:1 / /a nosuidx,nodev,noexec - fuse.kadns n user_id=1,group_id=2", "/a",
			false, 1, 2},
		{"1 2 0:1 / /a noexec,nodev,nosuid - fuse.kadns n user_id=1,group_id=2", "/a", true,
			1, 2},
		/* With tags, and a path and a source that are escaped. */
		{"1 2 0:1 / /a\\040b\\134\\012 rw shared:1 master:2 - fuse.kadns a\\040-\\040b "
		 "ro,user_id=5,group_id=6",
			"/a b\\\n", false, 5, 6},
		/* The words of the mount are not those of the file system. */
		{"1 2 0:1 / /a rw - fuse.kadns n nosuid,nodev,noexec,user_id=5,group_id=6", "/a",
			false, 5, 6},
		{"1 2 0:1 / /a rw - fuse.kadns n rw", "/a", false, 65534, 65534},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char line[300];
		struct mountinfo info;
		snprintf(line, sizeof(line), "%s", rows[i].line);
		if (!mountinfo_read(line, &info))
			fail_msg("row %zu is not read", i);
		assert_string_equal(info.path, rows[i].path);
		if (info.safe != rows[i].safe || info.uid != rows[i].uid || info.gid != rows[i].gid)
			fail_msg("row %zu", i);
	}
}

static void test_other_lines(void **state)
{
	(void)state;
	static const char *rows[] = {
		"",
		"\n",
		"68 64 0:44 / /mnt/dns rw - tmpfs none rw,user_id=0,group_id=0",
		"68 64 0:44 / /mnt/dns rw - fuse.kadnsx none rw,user_id=0,group_id=0",
		"68 64 0:44 / /fuse.kadns rw - tmpfs fuse.kadns fuse.kadns",
		"68 64 0:44 / /mnt - fuse.kadns none rw", /* a field too few */
		" - fuse.kadns none rw",
		"68 64 0:44 / /mnt/dns rw -fuse.kadns none rw",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char line[300];
		struct mountinfo info;
		snprintf(line, sizeof(line), "%s", rows[i]);
		if (mountinfo_read(line, &info))
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_lines),
		cmocka_unit_test(test_other_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
